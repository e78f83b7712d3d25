/** Training: the runs at the left, one of them in the middle, followed while the page is in sight. */
import { button, el, fill } from '../viewer/dom.js';
import { whenInSight } from '../viewer/mounting.js';
import { failure, Tabs, toaster } from '../studies/pieces.js';
import { About } from './about.js';
import { Acting } from './acting.js';
import { Known, trainingInAddress, writeTraining } from './asking.js';
import { Curves } from './curves.js';
import { BeginDialog } from './form.js';
import { Head } from './head.js';
import { noRuns, RunList } from './list.js';
import { Said } from './said.js';

const EVERY = 3000;

export class TrainApp {
  #known = new Known();
  #list = null;
  #run = '';
  #document = null;
  #other = null;
  #compared = '';
  #seen = false;
  #timer = 0;
  #off = new AbortController();

  constructor(root, host) {
    this.root = root;
    this.begin = button('New run', () => this.dialog.open(), { class: 'st-primary', 'data-key': 'begin', hidden: true });
    this.dialog = new BeginDialog((id) => this.open(id, { push: true }));
    this.list = new RunList((id) => this.open(id, { push: true }), [this.begin]);
    this.acting = new Acting(() => this.refresh(), (words) => this.say(words));
    this.head = new Head((run) => this.acting.tools(run));
    this.curves = new Curves(root);
    this.about = new About();
    this.said = new Said((words) => this.say(words), () => Boolean(this.#list?.read_only));
    this.#assemble();
    this.say = toaster(root);
    addEventListener('popstate', () => this.#seen && this.open(trainingInAddress()), { signal: this.#off.signal });
    this.unwatch = whenInSight(host, (seen) => this.#watch(seen));
  }

  #assemble() {
    this.parts = { curves: this.curves.node, said: this.said.node, about: this.about.node };
    this.tabs = new Tabs('Parts of the run', [['curves', 'Curves'], ['said', 'What it said'], ['about', 'About']], (name) => this.#part(name));
    this.compare = el('select', { class: 'sc-select tr-compare', 'aria-label': 'Compare with another run', 'data-key': 'compare' });
    this.compare.addEventListener('change', () => this.#compare(this.compare.value));
    this.body = el('div', { class: 'tr-body', tabindex: '0', role: 'region', 'aria-label': 'What there is of the run' }, ...Object.values(this.parts));
    this.whole = el('div', { class: 'tr-whole' }, this.head.node, el('div', { class: 'tr-tabs' }, this.tabs.node, this.compare), this.body);
    this.empty = el('div', { class: 'tr-empty' });
    this.lost = el('p', { class: 'pg-note tr-lost', role: 'status', hidden: true });
    this.main = el('div', { class: 'tr-main' }, this.lost, this.empty, this.whole);
    this.whole.hidden = true;
    this.#part('curves');
    this.root.append(el('div', { class: 'pg tr-app' }, this.list.node, this.main), this.dialog.node, this.acting.dialog.node, this.said.large.node, this.said.large.looks.node);
  }

  destroy() {
    this.unwatch();
    this.#watch(false);
    this.#off.abort();
    this.curves.destroy();
  }

  #watch(seen) {
    this.#seen = seen;
    clearTimeout(this.#timer);
    if (seen) {
      writeTraining(this.#run || trainingInAddress());
      this.#run ||= trainingInAddress();
      this.refresh();
    } else if (!document.hidden) writeTraining('');
  }

  /** Looks whether anything has changed, and again after a while; one look at a time. */
  async refresh() {
    clearTimeout(this.#timer);
    await this.#look();
    clearTimeout(this.#timer);
    if (this.#seen) this.#timer = setTimeout(() => this.refresh(), EVERY);
  }

  async #look() {
    try {
      const list = await this.#known.ask('api/trainings');
      if (list) this.#show(list);
      if (this.#run) await this.#follow();
      this.lost.hidden = true;
    } catch (error) {
      if (this.#list) {
        this.lost.textContent = error.message;
        this.lost.hidden = false;
      } else fill(this.empty, failure('The runs could not be loaded', error, () => this.refresh()));
    }
  }

  #show(list) {
    this.#list = list;
    this.list.show(list);
    this.begin.hidden = list.read_only;
    const there = list.runs.some(({ id }) => id === this.#run);
    if (!there && list.runs.length) this.#choose(list.runs[0].id);
    if (!there && !list.runs.length) this.#choose('');
    this.#choices();
    if (!list.runs.length) fill(this.empty, noRuns(list, () => this.dialog.open()));
    this.empty.hidden = list.runs.length > 0;
    this.whole.hidden = !list.runs.length;
  }

  async #follow() {
    const id = this.#run;
    const mine = await this.#known.ask(`api/trainings/${id}`);
    const theirs = this.#compared ? await this.#known.ask(`api/trainings/${this.#compared}`) : null;
    if (id !== this.#run || (!mine && !theirs)) return;
    this.#document = mine ?? this.#document;
    this.#other = this.#compared ? theirs ?? this.#other : null;
    this.#draw();
  }

  #draw() {
    if (!this.#document) return;
    this.head.show(this.#document.run);
    this.curves.show(this.#document, this.#other);
    if (this.tabs.chosen === 'said') this.said.show(this.#document);
    if (this.tabs.chosen === 'about') this.about.show(this.#run);
  }

  async open(id, { push = false } = {}) {
    if (id === this.#run || !id) return;
    this.#choose(id, { push });
    this.body.scrollTop = 0;
    await this.refresh();
  }

  #choose(id, { push = false } = {}) {
    this.#run = id;
    this.#document = null;
    this.#known.forget(`api/trainings/${id}`);
    if (this.#compared === id) this.#forgetOther();
    this.list.mark(id);
    this.#choices();
    if (this.#seen) writeTraining(id, { push });
  }

  #choices() {
    const others = (this.#list?.runs ?? []).filter(({ id }) => id !== this.#run);
    if (this.#compared && !others.some(({ id }) => id === this.#compared)) this.#forgetOther();
    const option = (id, text) => el('option', { value: id, text, selected: id === this.#compared });
    const key = JSON.stringify([this.#compared, others.map(({ id, name }) => [id, name])]);
    this.compare.hidden = !others.length;
    if (this.compare.dataset.drawn === key) return;
    this.compare.dataset.drawn = key;
    fill(this.compare, option('', 'Compare with …'), others.map(({ id, name }) => option(id, name.length > 48 ? `${name.slice(0, 47)}…` : name)));
  }

  #forgetOther() {
    this.#compared = '';
    this.#other = null;
  }

  #compare(id) {
    this.#forgetOther();
    this.#compared = id;
    if (id) this.#known.forget(`api/trainings/${id}`);
    if (this.#document && !id) this.#draw();
    this.tabs.choose('curves', (name) => this.#part(name));
    return this.refresh();
  }

  #part(name) {
    for (const [one, node] of Object.entries(this.parts)) node.hidden = one !== name;
    this.compare.classList.toggle('is-idle', name !== 'curves');
    if (name === 'said' && this.#document) this.said.show(this.#document);
    if (name === 'about' && this.#run) this.about.show(this.#run);
  }
}
