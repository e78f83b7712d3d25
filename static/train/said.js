/** What the policy said on the way: of each step the groups of its rollouts small on their picture, any of them large. */
import { button, el, fill } from '../viewer/dom.js';
import { getJson, sendJson } from '../viewer/api.js';
import { icon } from '../viewer/icons.js';
import { count, plural, score, verdictWord } from '../viewer/words.js';
import { Thumb } from '../ask/thumb.js';
import { drawWords } from '../ask/words.js';
import { failure } from '../studies/pieces.js';
import { Large } from './large.js';

const SIGNS = { true: ['check', 'is-right'], false: ['cross', 'is-wrong'], null: ['dash', 'is-unscored'] };
const KINDS = { rollouts: 'Rollouts', samples: 'Held-out questions' };

/** A reward or an advantage with its sign. */
function signed(value) {
  return `${value > 0 ? '+' : ''}${score(value)}`;
}

function components({ rewards, stop }) {
  const parts = rewards.map(({ name, value }) => `${name.replaceAll('_', ' ')} ${score(value)}`);
  return [...parts, stop ? `ended: ${stop.replaceAll('_', ' ')}` : ''].filter(Boolean).join(' · ');
}

function card({ number, view, training }, place, pick) {
  const [sign, kind] = SIGNS[view.answer.verdict];
  const thumb = new Thumb(view.picture);
  thumb.show(view);
  const text = view.answer.text;
  const reward = training && training.reward !== null ? `reward ${score(training.reward)}` : training ? 'no reward' : '';
  const advantage = training && training.advantage !== null ? `advantage ${signed(training.advantage)}` : '';
  const told = [reward, advantage, training?.masked ? 'masked from the loss' : ''].filter(Boolean).join(', ');
  const label = [`Rollout ${place + 1}`, verdictWord(view.answer.verdict), text ?? 'no answer', told].filter(Boolean).join(', ');
  return el(
    'li',
    { class: `ak-card tr-card ${kind}${training?.masked ? ' is-masked' : ''}`, 'data-rollout': number },
    el('button', { type: 'button', class: 'ak-card-pick', 'aria-label': label, onclick: pick }, thumb.node),
    el(
      'div',
      { class: 'ak-card-body' },
      el('p', { class: 'ak-card-head' }, el('span', { text: `Rollout ${place + 1}` }), el('span', { class: 'ak-card-verdict' }, icon(sign), verdictWord(view.answer.verdict))),
      el('p', { class: `ak-card-answer${text === null ? ' is-missing' : ''}`, dir: 'auto', text: text ?? 'No answer' }),
      told ? el('p', { class: 'tr-taught' }, el('b', { text: reward }), advantage ? el('span', { text: advantage }) : null, training.masked ? el('span', { class: 'pg-tag is-warn', text: 'masked' }) : null) : null,
      training ? el('p', { class: 'ak-card-meta', text: components(training) }) : null,
      el('p', { class: 'ak-card-meta', text: drawWords(view, view.stop_title) }),
    ),
  );
}

export class Said {
  #run = null;
  #steps = { rollouts: [], samples: [] };
  #at = { kind: '', step: -1 };
  #newest = true;
  #found = null;
  #readOnly;
  #say;

  /** `say(words)` tells what went wrong; `readOnly()` whether nothing may be brought into the store. */
  constructor(say, readOnly) {
    this.#say = say;
    this.#readOnly = readOnly;
    this.kind = el('select', { class: 'sc-select tr-pick', 'aria-label': 'What was said', onchange: () => this.#pick(this.kind.value, null) });
    this.step = el('select', { class: 'sc-select tr-pick', 'aria-label': 'Step', onchange: () => this.#pick(this.#at.kind, Number(this.step.value)) });
    this.before = button(icon('left'), () => this.#by(-1), { 'aria-label': 'The step before' });
    this.after = button(icon('right'), () => this.#by(1), { 'aria-label': 'The step after' });
    this.keep = button('Open in Inspect', () => this.#keep(), { title: 'Brings these traces and their pictures into the store' });
    this.words = el('p', { class: 'sc-quiet', role: 'status' });
    this.bar = el('div', { class: 'tr-said-bar' }, this.kind, el('span', { class: 'sc-group' }, this.before, this.step, this.after), this.words, el('span', { class: 'sc-spring' }), this.keep);
    this.groups = el('div', { class: 'tr-groups' });
    this.node = el('div', { class: 'tr-said-page' }, this.bar, this.groups);
    this.large = new Large();
  }

  /** A run's document: the newest step is shown as it comes, until another one is chosen. */
  show({ run, said }) {
    const other = run.id !== this.#run?.id;
    this.#run = run;
    const known = JSON.stringify(this.#steps);
    this.#steps = said;
    if (other) this.#newest = true;
    if (!other && JSON.stringify(said) === known) return undefined;
    const kinds = Object.keys(KINDS).filter((kind) => said[kind].length);
    this.bar.hidden = !kinds.length;
    if (!kinds.length) {
      this.#at = { kind: '', step: -1 };
      fill(this.groups, el('p', { class: 'sc-quiet', text: 'Nothing was said yet. A recipe says with sample_every or rollouts_every how often what the policy says is written down.' }));
      return undefined;
    }
    const kind = !other && kinds.includes(this.#at.kind) ? this.#at.kind : kinds[0];
    const stays = !this.#newest && said[kind].includes(this.#at.step);
    return this.#pick(kind, stays ? this.#at.step : null);
  }

  #by(by) {
    const steps = this.#steps[this.#at.kind];
    const next = steps[steps.indexOf(this.#at.step) + by];
    if (next !== undefined) this.#pick(this.#at.kind, next);
  }

  /** `step` null: the newest. */
  #pick(kind, step) {
    const steps = this.#steps[kind];
    const wanted = step ?? steps.at(-1);
    const changed = kind !== this.#at.kind || wanted !== this.#at.step || this.#found === null || this.#found.run !== this.#run.id;
    this.#newest = wanted === steps.at(-1);
    this.#at = { kind, step: wanted };
    const kinds = Object.keys(KINDS).filter((one) => this.#steps[one].length);
    fill(this.kind, kinds.map((one) => el('option', { value: one, text: KINDS[one], selected: one === kind })));
    this.kind.hidden = kinds.length < 2;
    fill(this.step, steps.map((one) => el('option', { value: one, text: `step ${count(one)}`, selected: one === wanted })));
    this.before.disabled = wanted === steps[0];
    this.after.disabled = this.#newest;
    this.keep.hidden = this.#readOnly();
    return changed ? this.#load() : undefined;
  }

  async #load() {
    const { id } = this.#run;
    const { kind, step } = this.#at;
    const still = () => id === this.#run.id && kind === this.#at.kind && step === this.#at.step;
    try {
      const found = await getJson(`api/trainings/${id}/${kind}/${step}`);
      if (!still()) return;
      this.#found = { ...found, run: id };
      this.#draw(found);
    } catch (error) {
      this.#found = null;
      if (still()) fill(this.groups, failure('This step could not be loaded', error, () => this.#load()));
    }
  }

  #draw({ groups, words }) {
    const taught = groups.filter((one) => one.taught);
    const dead = taught.filter((one) => one.dead).length;
    const all = groups.flatMap(({ rollouts }) => rollouts);
    const right = all.filter(({ view }) => view.answer.verdict === true).length;
    const told = [taught.length ? plural(taught.length, 'group') : '', taught.length ? `${dead} without gradient` : '', `${right} of ${all.length} right`, words];
    this.words.textContent = told.filter(Boolean).join(' · ');
    const open = (rollout) => this.large.open(all, all.indexOf(rollout));
    if (taught.length) return fill(this.groups, groups.map((group) => this.#group(group, open)));
    return fill(this.groups, el('ol', { class: 'ak-cards' }, ...all.map((one, k) => card(one, k, () => open(one)))));
  }

  #group({ number, question, dead, reward, rollouts }, open) {
    const head = el(
      'header',
      { class: 'tr-group-head' },
      el('h3', { text: `Group ${number + 1}` }),
      reward === null ? null : el('span', { class: 'sc-quiet', text: `mean reward ${score(reward)}` }),
      dead ? el('span', { class: 'pg-tag is-warn', text: 'no gradient: all are as good as each other' }) : null,
    );
    return el('section', { class: `pg-card tr-group${dead ? ' is-dead' : ''}`, 'aria-label': `Group ${number + 1}`, 'data-group': number }, head, el('p', { class: 'tr-question', dir: 'auto', text: question }), el('ol', { class: 'ak-cards' }, ...rollouts.map((one, k) => card(one, k, () => open(one)))));
  }

  async #keep() {
    this.keep.disabled = true;
    try {
      const { dataset } = await sendJson('POST', `api/trainings/${this.#run.id}/${this.#at.kind}/${this.#at.step}/import`);
      location.assign(new URL(`../../?dataset=${encodeURIComponent(dataset)}`, import.meta.url).href);
    } catch (error) {
      this.#say(error.message);
    } finally {
      this.keep.disabled = false;
    }
  }
}
