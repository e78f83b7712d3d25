/** The lead's screen: the studies at the left, the chosen one or a new one beside them. */
import { button, el, fill, keepFocus } from '../viewer/dom.js';
import { getJson, sendJson } from '../viewer/api.js';
import { icon } from '../viewer/icons.js';
import { whenInSight } from '../viewer/mounting.js';
import { count, plural } from '../viewer/words.js';
import { chosenStudy, chooseStudy } from './chosen.js';
import { Detail } from './detail.js';
import { SettingsForm } from './form.js';
import { bar, failure, toaster } from './pieces.js';
import { askWords } from './words.js';

const EVERY = 15_000;

export class StudiesApp {
  #studies = [];
  #defaults = null;
  #chosen = chosenStudy();
  #form = null;
  #making = false;
  #loads = 0;
  #timer = 0;

  constructor(root, host) {
    this.list = el('ul', { class: 'st-list', 'aria-label': 'Studies' });
    const make = button([icon('plus'), 'New study'], () => this.make(), { class: 'st-primary', 'data-key': 'new' });
    this.side = el('nav', { class: 'st-side', 'aria-label': 'Studies' }, el('header', { class: 'st-side-head' }, el('h2', { text: 'Studies' }), make), this.list);
    this.main = el('div', { class: 'st-main' });
    this.say = toaster(root);
    root.append(el('div', { class: 'pg st-app' }, this.side, this.main));
    this.detail = new Detail({ changed: (study) => this.#changed(study), repeat: (study) => this.make(study), say: this.say, defaults: () => this.#defaults });
    this.stop = whenInSight(host, (seen) => this.#seen(seen));
  }

  destroy() {
    this.stop();
    clearInterval(this.#timer);
    this.#form?.destroy();
    this.detail.destroy();
  }

  #seen(seen) {
    clearInterval(this.#timer);
    if (!seen) return;
    const other = chosenStudy();
    if (other && !this.#making) this.#chosen = other;
    this.load();
    this.#timer = setInterval(() => this.load(true), EVERY);
  }

  /** Asks for the studies anew. `quiet`: in the course of time, so that a failure leaves what is there. */
  async load(quiet = false) {
    this.#loads += 1;
    const load = this.#loads;
    try {
      const [{ studies }, defaults] = await Promise.all([getJson('api/studies'), this.#defaults ?? getJson('api/studies/defaults')]);
      if (load !== this.#loads) return;
      this.#studies = studies;
      this.#defaults = defaults;
    } catch (error) {
      if (load === this.#loads && !(quiet && this.#defaults)) fill(this.main, failure('The studies could not be loaded', error, () => this.load()));
      return;
    }
    this.#draw();
  }

  #draw() {
    if (!this.#studies.some((study) => study.id === this.#chosen)) this.#chosen = this.#studies[0]?.id ?? null;
    this.#drawList();
    if (this.#making) return;
    if (this.#chosen === null) fill(this.main, this.#nothing());
    else this.#open(this.#chosen);
  }

  #open(id) {
    if (this.main.firstElementChild !== this.detail.node) fill(this.main, this.detail.node);
    this.detail.load(id);
  }

  #drawList() {
    const rows = this.#studies.map((study) => el('li', {}, this.#row(study)));
    keepFocus(this.side, () => fill(this.list, rows.length ? rows : el('li', { class: 'st-none sc-quiet', text: 'None yet.' })));
  }

  #row(study) {
    const here = !this.#making && study.id === this.#chosen;
    const words = study.wanted ? `${count(study.ratings)} of ${plural(study.wanted, 'rating')}` : 'No step is asked';
    return el(
      'button',
      { type: 'button', class: 'st-row', 'aria-current': here ? 'true' : null, 'data-key': `study-${study.id}`, onclick: () => this.pick(study.id) },
      el('span', { class: 'st-row-name', dir: 'auto', text: study.name }),
      bar(study.ratings, study.wanted),
      el('span', { class: 'st-row-words' }, el('span', { text: words }), el('span', { text: study.closed ? 'closed' : plural(study.raters, 'rater') })),
    );
  }

  pick(id) {
    this.#chosen = id;
    chooseStudy(id);
    this.#leaveForm();
    this.#draw();
  }

  #leaveForm() {
    this.#making = false;
  }

  /** The form of a new study; what was begun is still there when it is opened again. With `like`, the settings of that study. */
  async make(like = null) {
    if (!this.#defaults) await this.load();
    if (!this.#defaults) return;
    this.#making = true;
    if (like || !this.#form) {
      this.#form?.destroy();
      this.#form = this.#newForm(like);
    }
    const words = like ? `With the settings of ${like.name}.` : 'Filled in with the paper’s task: change what you like, or create it as it is.';
    fill(this.main, el('header', { class: 'pg-head' }, el('div', {}, el('h2', { text: 'New study' }), el('p', { class: 'sc-quiet', text: words }))), this.#form.node);
    this.#drawList();
    this.#form.node.querySelector('[data-key="name"]').focus();
  }

  #newForm(like) {
    const settings = like?.settings ?? this.#defaults.settings;
    const given = { settings, base: null, defaults: this.#defaults, study: null, name: like ? `${like.name} (again)` : '', words: (found, draft) => wouldAsk(found, draft) };
    return new SettingsForm(given, { save: (name, draft) => this.#create(name, draft), cancel: () => this.#cancel() });
  }

  #cancel() {
    this.#form?.destroy();
    this.#form = null;
    this.#leaveForm();
    this.#draw();
  }

  async #create(name, settings) {
    const study = await sendJson('POST', 'api/studies', { name, settings });
    this.#form.destroy();
    this.#form = null;
    this.#leaveForm();
    this.#chosen = study.id;
    chooseStudy(study.id);
    this.say(`${study.name} is created: ${plural(study.items, 'step')} to rate.`);
    await this.load();
  }

  /** A study was changed here: the list tells it too. */
  #changed() {
    this.load(true);
  }

  #nothing() {
    const traces = this.#defaults.datasets.length > 0;
    return el(
      'section',
      { class: 'pg-empty' },
      el('h2', { text: 'No study yet' }),
      el('p', { text: 'A study asks people to judge the steps of traces, one at a time: whether the circle overlaps what the sentence describes, and whether it helps. The paper’s task is filled in.' }),
      traces ? null : el('p', { class: 'pg-note', text: 'There are no traces in the store yet: import some first, so that there are steps to ask about.' }),
      button([icon('plus'), 'New study'], () => this.make(), { class: 'st-primary' }),
    );
  }
}

/** What the form of a new study says of its selection. */
function wouldAsk(found, settings) {
  if (!found.steps) return { none: true, head: 'No step fits: take some of the filters away, or lower the fewest words.' };
  const { head, time } = askWords(found, settings.ratings_per_item);
  return { head: `Would ask ${head}`, time: `${plural(found.pictures, 'picture')}. ${time[0].toUpperCase()}${time.slice(1)}.` };
}
