/** A study: how far it is, who rates it, its steps, its versions, its settings. */
import { button, el, fill, keepFocus } from '../viewer/dom.js';
import { getJson, sendJson } from '../viewer/api.js';
import { icon } from '../viewer/icons.js';
import { Menu } from '../viewer/menu.js';
import { count, plural } from '../viewer/words.js';
import { whatBecomes } from './differences.js';
import { SettingsForm } from './form.js';
import { overview, versions } from './overview.js';
import { failure, Tabs } from './pieces.js';
import { Steps } from './steps.js';
import { askWords } from './words.js';

const TABS = [['overview', 'Progress'], ['steps', 'Steps'], ['versions', 'Versions'], ['settings', 'Settings']];

export class Detail {
  #study = null;
  #wanted = null;
  #forms = new Map();
  #events;
  #shown = '';
  #told = '';

  /** `events`: changed() after a change, repeat(study) for a new one like it, say(sentence), defaults() for the form. */
  constructor(events) {
    this.#events = events;
    this.tabs = new Tabs('Parts of the study', TABS, () => this.#draw());
    this.head = el('header', { class: 'pg-head' });
    this.panel = el('div', { class: 'st-panel', role: 'tabpanel' });
    this.menu = new Menu([icon('list'), 'More'], 'More', () => this.#actions());
    this.node = el('article', { class: 'st-detail', 'aria-label': 'The chosen study' }, this.head, this.tabs.node, this.panel);
    this.steps = new Steps((study) => this.#replace(study), events.say);
  }

  destroy() {
    for (const form of this.#forms.values()) form.destroy();
  }

  /** Shows the study with this id; asked for again, it brings what is on the screen up to date and leaves what is being edited. */
  async load(id) {
    const other = id !== this.#wanted;
    this.#wanted = id;
    if (other) this.node.classList.add('is-busy');
    try {
      const study = await getJson(`api/studies/${id}`);
      if (id !== this.#wanted) return;
      this.#show(study);
    } catch (error) {
      if (id === this.#wanted && (other || this.#study === null)) this.#failed(id, error);
    } finally {
      if (id === this.#wanted) this.node.classList.remove('is-busy');
    }
  }

  #failed(id, error) {
    this.#study = null;
    this.#told = '';
    fill(this.head);
    this.tabs.node.hidden = true;
    fill(this.panel, failure('The study could not be loaded', error, () => this.load(id)));
  }

  #show(study) {
    const other = study.id !== this.#study?.id;
    // Nothing is drawn anew for nothing: a menu that is open stays open.
    const told = JSON.stringify(study);
    if (told === this.#told && !this.tabs.node.hidden) return;
    this.#told = told;
    this.#study = study;
    this.tabs.node.hidden = false;
    this.#drawHead();
    this.#draw(!other);
  }

  #replace(study) {
    this.#show(study);
    this.#events.changed();
  }

  #drawHead() {
    const study = this.#study;
    const state = el('span', { class: `pg-tag${study.closed ? '' : ' is-on'}`, text: study.closed ? 'closed' : 'open' });
    const name = el('h2', { class: 'pg-title', dir: 'auto', text: study.name });
    const words = el('p', { class: 'sc-quiet' }, state, ` Guideline version ${study.version} · ${plural(study.items, 'step')} asked · ${plural(study.settings.ratings_per_item, 'person', 'people')} a step`);
    const copy = button([icon('share'), 'Copy the link for raters'], () => this.#copy(), { 'data-key': 'copy' });
    const rate = el('a', { class: 'sc-button', href: this.link, 'data-key': 'rate' }, 'Rate');
    keepFocus(this.head, () => fill(this.head, el('div', { class: 'st-head-words' }, name, words), el('div', { class: 'st-buttons' }, copy, rate, this.menu.node)));
  }

  /** Where raters go for this study. */
  get link() {
    return new URL(`../../rate?study=${this.#study.id}`, import.meta.url).href;
  }

  async #copy() {
    try {
      await navigator.clipboard.writeText(this.link);
      this.#events.say('The link for raters is copied.');
    } catch {
      this.#events.say(`The browser does not let this page copy. The link is ${this.link}`);
    }
  }

  #actions() {
    const study = this.#study;
    return [
      { label: 'Look at the traces again', note: 'new ones come in, those that are gone rest', run: () => this.#refresh() },
      { label: 'Repeat as a new study', note: 'with the same settings', run: () => this.#events.repeat(study) },
      study.closed
        ? { label: 'Open again', note: 'raters are asked again', run: () => this.#act('reopen', (now) => `${now.name} is open.`) }
        : { label: 'Close the study', note: 'nobody is asked; ratings that come late are still kept', run: () => this.#act('close', (now) => `${now.name} is closed.`) },
    ];
  }

  async #act(action, words) {
    try {
      const study = await sendJson('POST', `api/studies/${this.#study.id}/${action}`);
      if (study.id === this.#wanted) this.#replace(study);
      this.#events.say(words(study));
    } catch (error) {
      this.#events.say(error.message);
    }
  }

  #refresh() {
    const before = this.#study.items;
    return this.#act('refresh', ({ items }) => (items === before ? `Nothing has changed: ${plural(items, 'step')} asked.` : `${plural(items, 'step')} asked now, ${count(before)} before.`));
  }

  /** `again`: the same study, brought up to date in the course of time. */
  #draw(again = false) {
    if (!this.#study) return;
    const { chosen } = this.tabs;
    this.panel.setAttribute('aria-label', TABS.find(([name]) => name === chosen)[1]);
    const same = again && this.#shown === chosen;
    this.#shown = chosen;
    if (chosen === 'overview') keepFocus(this.panel, () => fill(this.panel, overview(this.#study, this.link)));
    else if (chosen === 'versions') {
      if (!same) fill(this.panel, versions(this.#study));
    } else if (chosen === 'steps') {
      this.steps.show(this.#study);
      if (!same) fill(this.panel, this.steps.node);
    } else this.#settings();
  }

  /** The form of a study, made once and kept while the lead looks elsewhere, so that nothing typed is lost. */
  #settings() {
    const study = this.#study;
    const kept = this.#forms.get(study.id);
    if (kept && kept.given.study.version !== study.version && !kept.dirty) this.#dropForm(study.id);
    if (!this.#forms.has(study.id)) this.#forms.set(study.id, this.#newForm(study));
    const form = this.#forms.get(study.id);
    if (this.panel.firstElementChild !== form.node) fill(this.panel, form.node);
  }

  #newForm(study) {
    const seconds = median(study.raters.map((rater) => rater.seconds).filter((one) => one !== null));
    const given = {
      settings: study.settings,
      base: study.settings,
      defaults: this.#events.defaults(),
      study,
      say: (settings) => whatBecomes(study.settings, settings, study.version, study.ratings),
      words: (found, settings) => nowAsked(found, settings, study, seconds),
    };
    return new SettingsForm(given, { save: (_, settings) => this.#save(study, settings), cancel: () => this.#discard() });
  }

  #dropForm(id) {
    this.#forms.get(id)?.destroy();
    this.#forms.delete(id);
    this.#shown = '';
  }

  #discard() {
    this.#dropForm(this.#study.id);
    this.#draw();
  }

  async #save(study, settings) {
    const now = await getJson(`api/studies/${study.id}`);
    if (now.version !== study.version) {
      const by = now.versions.at(-1)?.actor;
      throw new Error(`Version ${now.version} was saved meanwhile${by ? ` by ${by}` : ''}: look at it under Versions, copy your changes by JSON, and discard them here.`);
    }
    const saved = await sendJson('PUT', `api/studies/${study.id}`, { settings });
    this.#dropForm(study.id);
    this.#replace(saved);
    this.#events.say(`Saved as version ${saved.version}: ${plural(saved.items, 'step')} asked.`);
  }
}

function median(values) {
  if (!values.length) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** What the settings of a study would ask, beside what is asked now. */
function nowAsked(found, settings, study, seconds) {
  if (!found.steps) return { none: true, head: 'No step would be asked: take some of the filters away, or lower the fewest words.' };
  const { head, time } = askWords(found, settings.ratings_per_item, seconds);
  return { head, time: `Now ${count(study.items)} are asked. ${time[0].toUpperCase()}${time.slice(1)}.` };
}
