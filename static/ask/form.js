/** What is asked: picture, question, domain, policy, how often, and what only a researcher changes. A reload finds it as it was. */
import { button, debounce, el, fill } from '../viewer/dom.js';
import { icon } from '../viewer/icons.js';
import { field, numberInput, select, textArea, textInput } from '../studies/fields.js';
import { remember, remembered } from './memory.js';
import { PictureField } from './picture.js';
import { Policies } from './policies.js';
import { runInAddress } from './address.js';
import { Scenes } from './scenes.js';
import { Settings } from './settings.js';
import { Shelf } from './shelf.js';
import { domainWords, truthHint } from './domains.js';

export const MOST = 64;
const LONGEST_QUESTION = 8_000;
const TRUTHS = { text: 'words', box: 'a box', point: 'a point', action: 'an action' };

export class Form {
  #kept = remembered();
  #welcomed = false;
  #facts = null;
  #act;
  #error = el('p', { class: 'st-error ak-error', role: 'alert', hidden: true });
  #keep = debounce(() => remember(this.#memory()), 250);

  /** `act`: ask(), changed() after any change, picture(picture), help() where no model is at hand */
  constructor(act) {
    this.#act = act;
    this.shelf = new Shelf((view, whole) => this.#fromStore(view, whole));
    this.picture = new PictureField((picture) => { act.picture(picture); this.#changed(); }, () => this.shelf.open());
    this.scenes = new Scenes({ now: () => this.#asked(), put: (parts) => this.#put(parts), policy: () => this.policies.chosen });
    this.policies = new Policies(() => this.#moved(), () => act.help());
    this.settings = new Settings(() => this.#changed());
    this.question = textArea(String(this.#kept.question ?? ''), () => this.#changed(), { rows: '3', maxlength: String(LONGEST_QUESTION), placeholder: 'What is above the blue lamp?', 'data-key': 'question' });
    this.domain = select('', {}, () => this.#domainChosen());
    this.domainWords = el('p', { class: 'st-hint', id: 'ak-domain-words' });
    this.truth = textInput(String(this.#kept.truth?.text ?? ''), () => this.#changed(), { maxlength: '2000', 'data-key': 'truth' });
    this.kind = select('text', TRUTHS, () => { this.kindChosen = true; this.#truthHint(); this.#changed(); }, { 'aria-label': 'What the right answer is', class: 'sc-select st-select ak-kind' });
    this.samples = numberInput(Number(this.#kept.samples) || 1, () => this.#changed(), { min: 1, max: MOST, step: 1, 'data-key': 'samples' });
    this.dataset = textInput(String(this.#kept.dataset ?? ''), () => this.#changed(), { maxlength: '200', list: 'ak-datasets', 'data-key': 'dataset' });
    this.datasets = el('datalist', { id: 'ak-datasets' });
    this.asking = button(['Ask', el('kbd', { text: 'Ctrl ⏎' })], () => act.ask(), { class: 'st-primary ak-ask', 'data-key': 'ask' });
    this.#assemble();
    this.node.addEventListener('submit', (event) => event.preventDefault());
  }

  #assemble() {
    this.truthField = field('truth', 'Right answer (if it is known)', this.truth, { hint: ' ', after: this.kind });
    this.truthNote = this.truthField.querySelector('.st-hint');
    const parts = [
      this.picture.node,
      this.scenes.node,
      field('question', 'Question', this.question),
      el('div', { class: 'ak-domain' }, field('domain', 'Domain', this.domain), this.domainWords),
      this.policies.node,
      this.truthField,
      el('div', { class: 'ak-pair' }, field('samples', 'Samples', this.samples, { hint: `1 to ${MOST}` }), field('dataset', 'Data set', this.dataset, { hint: 'where the traces are kept' })),
      this.settings.node,
    ];
    const body = el('div', { class: 'ak-form-body' }, ...parts, this.datasets);
    this.node = el('form', { class: 'ak-form', novalidate: true, 'aria-label': 'What is asked' }, body, el('div', { class: 'ak-form-foot' }, this.scenes.note, this.#error, this.asking));
  }

  /** What there is to choose from, as the server says it; then what was kept of the form. */
  show(facts) {
    const first = this.#facts === null;
    this.#facts = facts;
    const kept = first ? this.#kept : this.#memory();
    const names = facts.domains.map((one) => one.name);
    const chosen = names.includes(kept.domain) ? kept.domain : names.find((name) => name === 'visual_search') ?? names[0];
    fill(this.domain, facts.domains.map((one) => el('option', { value: one.name, text: one.title, selected: one.name === chosen })));
    fill(this.datasets, (facts.datasets ?? []).map((name) => el('option', { value: name })));
    this.settings.show(facts.defaults, kept.settings ?? {});
    if (!this.dataset.value) this.dataset.value = facts.defaults.dataset ?? '';
    if (!first) return;
    if (kept.truth?.kind in TRUTHS && kept.truth.chosen) {
      this.kind.value = kept.truth.kind;
      this.kindChosen = true;
    }
    if (kept.policy) this.policies.choose(kept.policy);
    if (kept.picture?.sha256) this.picture.take(kept.picture);
    this.scenes.show(facts, kept.scene);
    this.#domainChosen();
  }

  /** Who is here for the first time, and has nothing but the policy that ships, finds a scene to ask it about. */
  #welcome() {
    if (!this.#facts || !this.policies.known || this.#welcomed) return;
    this.#welcomed = true;
    const { chosen, first } = this.policies;
    if (Object.keys(this.#kept).length || !chosen?.shipped || chosen.reference !== first || runInAddress()) return;
    if (this.scenes.there) this.policies.getReady();
    this.scenes.first();
  }

  get #domain() {
    return this.#facts?.domains.find((one) => one.name === this.domain.value);
  }

  get domainTitle() {
    return this.#domain?.title ?? '';
  }

  #domainChosen() {
    if (!this.#domain) return;
    if (!this.kindChosen && this.#domain.answer_kind in TRUTHS) this.kind.value = this.#domain.answer_kind;
    this.#truthHint();
    this.#changed();
  }

  /** How it looks closer: as its policy was trained to, where that is known. */
  #tellDomain() {
    const domain = this.#domain;
    const words = domain ? domainWords({ ...domain, crop: this.policies.chosen?.crop ?? domain.crop }) : '';
    if (this.domainWords.textContent !== words) this.domainWords.textContent = words;
  }

  #truthHint() {
    this.truthNote.textContent = truthHint(this.kind.value);
  }

  /** Somebody has changed something: what was said of it before no longer holds. */
  #changed() {
    this.#say('');
    this.#moved();
  }

  #moved() {
    this.#keep();
    this.scenes.tell();
    this.#tellDomain();
    this.#act.changed();
    this.#welcome();
  }

  #memory() {
    const { picture } = this.picture;
    return {
      picture, question: this.question.value, domain: this.domain.value, policy: this.policies.chosen?.reference ?? this.#kept.policy,
      truth: { kind: this.kind.value, text: this.truth.value, chosen: Boolean(this.kindChosen) },
      samples: this.samples.valueAsNumber, dataset: this.dataset.value, settings: this.settings.values, scene: this.scenes.memory,
    };
  }

  /** What is asked, without how. */
  #asked() {
    const { picture, question, domain, truth } = this.#memory();
    return { picture, question, domain, truth };
  }

  /** The same, put back as it was, or as it comes with a scene. */
  #put({ picture, question, domain, truth }) {
    this.fill({ question, domain, truth });
    if (truth.chosen !== undefined) this.kindChosen = truth.chosen;
    this.picture.take(picture);
  }

  /** What the server is asked; null, after a sentence, where something is missing. */
  read() {
    this.#say('');
    const { picture } = this.picture;
    const policy = this.policies.chosen;
    const samples = this.samples.valueAsNumber;
    if (!picture) return this.picture.complain('Give a picture first.');
    if (!this.question.value.trim()) return this.#miss(this.question, 'Type the question.');
    if (!policy) return this.policies.complain('Choose the policy that is to answer.');
    if (!(Number.isInteger(samples) && samples >= 1 && samples <= MOST)) return this.#miss(this.samples, `Samples: a whole number from 1 to ${MOST}.`);
    const [wrong] = this.settings.wrong().values();
    if (wrong) {
      this.settings.complain();
      return this.say(wrong);
    }
    const truth = this.truth.value.trim() ? { kind: this.kind.value, text: this.truth.value.trim() } : null;
    return { policy: policy.reference, picture: picture.sha256, question: this.question.value, domain: this.domain.value, truth, samples, settings: this.settings.values, dataset: this.dataset.value.trim() };
  }

  #miss(control, sentence) {
    control.focus();
    return this.say(sentence);
  }

  /** A sentence above the button; gives back null, for those who come to nothing with it. */
  say(sentence) {
    this.#say(sentence);
    return null;
  }

  #say(sentence) {
    this.#error.hidden = !sentence;
    this.#error.textContent = sentence;
  }

  #fromStore({ picture, question, domain, truth }, whole) {
    if (whole) this.fill({ question, domain, truth });
    this.picture.take(picture);
  }

  /** Takes over what is given; all else stays. `truth`: as traces have it. */
  fill({ question, domain, truth, samples, policy, seed }) {
    if (question !== undefined) this.question.value = question;
    if (domain !== undefined && this.#facts?.domains.some((one) => one.name === domain)) this.domain.value = domain;
    this.#domainChosen();
    if (truth !== undefined) this.#fillTruth(truth);
    if (samples !== undefined) this.samples.value = String(samples);
    if (policy !== undefined) this.policies.choose(policy);
    if (seed !== undefined) this.settings.set('seed', seed);
    this.#changed();
  }

  #fillTruth(truth) {
    const written = { box: truth?.box ? `(${truth.box.join(', ')})` : undefined, point: truth?.point ? `(${truth.point.x}, ${truth.point.y})` : undefined };
    this.truth.value = truth && truth.kind !== 'none' ? written[truth.kind] ?? truth.text : '';
    if (truth?.kind in TRUTHS) {
      this.kind.value = truth.kind;
      // What is not as the domain has it stays so, also when the page is opened again.
      this.kindChosen = truth.kind !== this.#domain?.answer_kind;
    }
    this.#truthHint();
  }

  /** Written down at once: the page is being left. */
  keep() {
    this.#keep.cancel();
    if (this.#facts) remember(this.#memory());
  }

  setBusy(busy) {
    this.asking.disabled = busy;
  }
}

export function stopButton(stop) {
  return button([icon('stop'), 'Stop', el('kbd', { text: 'Esc' })], stop, { class: 'ak-stop', 'data-key': 'stop' });
}
