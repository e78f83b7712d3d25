/** The whole viewer: which trace is open, at which step, beside which other; and what the address bar says of it. */
import { button, calm, el, fill } from './dom.js';
import { fileUrl, Traces } from './api.js';
import { foot, Keys, sheet } from './keys.js';
import { TraceList } from './list.js';
import { LookDialog } from './lookdialog.js';
import { Pane } from './pane.js';
import { Player } from './player.js';
import { addressOf, readFilters, readView, shareAddress, writeAddress } from './route.js';
import { download, savePicture } from './save.js';
import { Toolbar } from './toolbar.js';

const NO_VIEW = { trace: '', dataset: '', step: -1, compare: '', compareStep: -1 };
const PAN = 60;

/** Windows at least this high, in CSS pixels, have room for the looks of two traces. */
const ROOMY = 860;

export class App {
  #traces = new Traces();
  #wanted = 0;
  #synced = true;
  #mirroring = false;
  #layers = { path: true, truth: true, windows: false };
  #said = 0;

  constructor(root) {
    this.root = root;
    this.view = { ...NO_VIEW };
    this.events = {
      step: (pane, index) => this.#stepped(pane, index),
      moved: (pane) => this.#moved(pane),
      larger: (step) => this.dialog.open(step),
      looks: (open) => this.#showLooks(open),
      active: (pane) => this.#activate(pane),
    };
    this.first = new Pane(this.events, 'first trace');
    this.second = null;
    this.active = this.first;
    this.player = new Player(() => this.toolbar.setPlaying(this.player.playing));
    this.dialog = new LookDialog();
    this.sheet = sheet();
    this.live = el('p', { class: 'sc-hidden', 'aria-live': 'polite' });
    this.toast = el('p', { class: 'sc-toast', role: 'status' });
    this.problem = el('div', { class: 'sc-problem' });
    this.work = el('div', { class: 'sc-work' }, this.first.main, this.first.info.node);
    this.toolbar = new Toolbar(this.#actions());
    this.list = new TraceList(readFilters(), this.#listEvents());
    this.#applyLayers(this.first);
    this.#assemble();
    this.#listen();
    this.start();
  }

  #assemble() {
    const centre = el('div', { class: 'sc-centre' }, this.toolbar.node, this.problem, this.work);
    this.body = el('div', { class: 'sc-body' }, this.list.node, centre);
    this.shade = el('div', { class: 'sc-shade', onclick: () => this.#openList(false) });
    this.root.append(el('div', { class: 'sc-app is-empty' }, this.body, this.shade, foot(() => this.sheet.showModal())), this.dialog.node, this.sheet, this.live, this.toast);
    this.app = this.root.firstElementChild;
  }

  #listen() {
    this.off = new AbortController();
    addEventListener('popstate', () => this.#cameBack(), { signal: this.off.signal });
    this.keys = new Keys(this.root, this.#bindings(), () => this.awake);
  }

  /** False while the viewer's tab is hidden or one of its dialogs is open. */
  get awake() {
    return this.root.isConnected && this.app.getClientRects().length > 0 && !this.root.querySelector('dialog[open]');
  }

  destroy() {
    this.player.stop();
    this.keys.destroy();
    this.off.abort();
  }

  #actions() {
    return {
      list: () => this.#openList(!this.app.classList.contains('is-list-open')),
      layer: (name, on) => this.#setLayer(name, on),
      zoom: (factor) => this.active.zoom(factor),
      fit: () => this.active.stage.viewport.fit(),
      actual: () => this.active.stage.viewport.actual(),
      play: () => this.player.toggle(this.active),
      speed: (speed) => { this.player.speed = speed; },
      compare: (id) => this.compare(id, { push: true }),
      leave: () => this.leaveCompare({ push: true }),
      sync: (on) => { this.#synced = on; },
      share: () => this.share(),
      png: () => this.png(),
      json: () => this.active.view && download(fileUrl(this.active.view.id), ''),
      view: () => this.first.view,
    };
  }

  #listEvents() {
    return {
      open: (item) => this.openFromList(item),
      changed: () => this.#write(),
      link: ({ id, dataset }) => addressOf({ ...NO_VIEW, trace: id, dataset }, this.list.filters),
      close: () => this.#openList(false),
      loaded: () => this.#listLoaded(),
    };
  }

  #bindings() {
    const pan = (dx, dy) => () => this.active.stage.viewport.pan(dx * PAN, dy * PAN);
    const step = (by) => () => this.#stepBy(by);
    const zoom = (factor) => () => this.active.zoom(factor);
    return {
      ArrowRight: step(1), ArrowLeft: step(-1),
      Home: () => this.#stepTo(0), End: () => this.#stepTo(this.active.length - 1),
      ' ': () => this.player.toggle(this.active),
      '[': () => this.neighbour(-1), ']': () => this.neighbour(1),
      '+': zoom(1.25), '=': zoom(1.25), '-': zoom(1 / 1.25), '−': zoom(1 / 1.25),
      0: () => this.active.stage.viewport.fit(), 1: () => this.active.stage.viewport.actual(),
      'Shift+ArrowLeft': pan(1, 0), 'Shift+ArrowRight': pan(-1, 0), 'Shift+ArrowUp': pan(0, 1), 'Shift+ArrowDown': pan(0, -1),
      o: () => this.#enlarge(), x: () => this.#otherPane(), '/': () => this.#search(),
      '?': () => this.sheet.showModal(), Escape: () => this.escape(),
    };
  }

  async start() {
    const wanted = readView();
    const listed = this.list.load();
    if (wanted.trace) await this.#restore(wanted);
    await listed;
  }

  /** With nothing asked for, the first trace of the list is opened: there is always something to look at. */
  #listLoaded() {
    if (!this.view.trace && this.list.items.length) this.open(this.list.items[0].id, { dataset: this.list.items[0].dataset });
    else if (!this.view.trace) this.#nothingOpen();
    this.#preload();
  }

  #nothingOpen() {
    this.app.classList.add('is-empty');
    const reason = this.list.failed ? 'The list of traces could not be loaded.' : 'The list of traces is empty.';
    fill(this.problem, el('div', { class: 'sc-problem-card' }, el('h3', { text: 'Nothing to look at' }), el('p', { class: 'sc-quiet', text: reason })));
  }

  /** Opens a trace in the first pane. A slower answer never replaces a later wish. */
  async open(id, { dataset = '', step = -1, push = false } = {}) {
    this.player.stop();
    this.view = { ...NO_VIEW, trace: id, dataset, step };
    this.#write({ push });
    this.list.mark(id, dataset);
    const view = await this.#fetch(id, dataset, (error) => this.#failed(error, () => this.open(id, { dataset, step })));
    if (!view) return;
    this.#single();
    this.list.mark(id, dataset || view.dataset);
    this.first.show(view, step);
    this.#preload();
  }

  /** The view of a trace; null when it failed, of which `failed` tells, or when something else was wished for meanwhile. */
  async #fetch(id, dataset, failed) {
    this.#wanted += 1;
    const turn = this.#wanted;
    const slow = setTimeout(() => this.app.classList.add('is-busy'), 150);
    try {
      const view = await this.#traces.load(id, dataset);
      if (turn !== this.#wanted) return null;
      fill(this.problem);
      this.app.classList.remove('is-empty');
      return view;
    } catch (error) {
      if (turn === this.#wanted) failed(error);
      return null;
    } finally {
      clearTimeout(slow);
      if (turn === this.#wanted) this.app.classList.remove('is-busy');
    }
  }

  #failed(error, again) {
    this.#single();
    this.first.clear();
    this.app.classList.add('is-empty');
    fill(this.problem, el('div', { class: 'sc-problem-card', role: 'alert' }, el('h3', { text: 'This trace could not be opened' }), el('p', { text: error.message }), button('Try again', again)));
  }

  openFromList({ id, dataset }) {
    this.#openList(false);
    return this.open(id, { dataset, push: true });
  }

  async neighbour(by) {
    const item = await this.list.neighbour(by);
    if (!item) return this.say(by > 0 ? 'This is the last trace of the list.' : 'This is the first trace of the list.', { show: true });
    await this.open(item.id, { dataset: item.dataset, push: true });
    return undefined;
  }

  #preload() {
    const next = this.list.following;
    if (next) this.#traces.preload(next.id, next.dataset);
  }

  // Comparing

  async compare(id, { step = -1, push = false } = {}) {
    this.player.stop();
    const view = await this.#fetch(id, '', (error) => this.say(error.message, { show: true }));
    if (!view) return;
    if (!this.second) this.second = new Pane(this.events, 'second trace');
    this.view = { ...this.view, compare: id, compareStep: step };
    this.work.append(this.second.main, this.second.info.node);
    this.app.classList.add('is-comparing');
    this.toolbar.setComparing(true);
    this.#applyLayers(this.second);
    this.#showLooks(innerHeight >= ROOMY);
    this.#write({ push });
    this.second.show(view, step);
    this.#activate(this.first);
    this.say('Two traces side by side. X goes to the other.');
  }

  leaveCompare({ push = false } = {}) {
    this.#single();
    this.view = { ...this.view, compare: '', compareStep: -1 };
    this.#write({ push });
  }

  #single() {
    this.second?.main.remove();
    this.second?.info.node.remove();
    this.second = null;
    this.app.classList.remove('is-comparing');
    this.toolbar.setComparing(false);
    this.#activate(this.first);
  }

  get #panes() {
    return this.second ? [this.first, this.second] : [this.first];
  }

  /** On both sides alike, so that the pictures stay level. */
  #showLooks(open) {
    for (const pane of this.#panes) pane.looks.setOpen(open);
  }

  #activate(pane) {
    if (this.active !== pane) this.player.stop();
    this.active = pane;
    for (const one of this.#panes) one.main.classList.toggle('is-active', one === pane);
    this.toolbar.setZoom(pane.stage.viewport.zoom);
  }

  #otherPane() {
    if (!this.second) return false;
    this.#activate(this.active === this.first ? this.second : this.first);
    this.active.stage.node.focus();
    return true;
  }

  /** What one picture shows, the other shows too. */
  #moved(pane) {
    if (pane === this.active) this.toolbar.setZoom(pane.stage.viewport.zoom);
    const other = pane === this.first ? this.second : this.first;
    if (!this.#synced || this.#mirroring || !this.second?.view || !other.view) return;
    this.#mirroring = true;
    other.stage.viewport.show(pane.stage.viewport.seen);
    this.#mirroring = false;
  }

  // Stepping

  #stepBy(by) {
    this.player.stop();
    const { step } = this.active;
    this.active.setStep(step < 0 && by < 0 ? this.active.length - 1 : Math.max(0, step + by));
  }

  #stepTo(index) {
    this.player.stop();
    this.active.setStep(index);
  }

  #stepped(pane, index) {
    if (pane === this.first) this.view.step = index;
    else this.view.compareStep = index;
    this.#write();
    this.say(pane.spoken);
  }

  /** Leaves the innermost thing that is open. */
  escape() {
    if (this.app.classList.contains('is-list-open')) return this.#openList(false);
    if (this.player.playing) return this.player.stop();
    if (this.active.step >= 0) return this.active.setStep(-1);
    if (this.second) return this.leaveCompare({ push: true });
    return false;
  }

  #enlarge() {
    const step = this.active.view?.steps[this.active.step];
    if (!step?.look) return false;
    this.dialog.open(step);
    return true;
  }

  #setLayer(name, on) {
    this.#layers[name] = on;
    for (const pane of this.#panes) this.#applyLayers(pane);
  }

  #applyLayers(pane) {
    for (const [name, on] of Object.entries(this.#layers)) pane.stage.node.classList.toggle(`shows-${name}`, on);
  }

  // The address, the list beside it, and what is said

  #write({ push = false } = {}) {
    writeAddress(this.view, this.list.filters, { push });
  }

  async #cameBack() {
    const filters = readFilters();
    const changed = addressOf(NO_VIEW, filters) !== addressOf(NO_VIEW, this.list.filters);
    this.list.filters = filters;
    const wanted = readView();
    await this.#restore(wanted);
    if (changed) await this.list.load();
  }

  async #restore({ trace, dataset, step, compare, compareStep }) {
    if (!trace) return;
    if (trace !== this.view.trace || dataset !== this.view.dataset || !this.first.view) await this.open(trace, { dataset, step });
    else this.first.setStep(step);
    if (compare && compare !== this.view.compare) await this.compare(compare, { step: compareStep });
    else if (!compare && this.second) this.leaveCompare();
  }

  #openList(open) {
    this.app.classList.toggle('is-list-open', open);
    this.toolbar.traces.setAttribute('aria-expanded', String(open));
    if (open) this.list.search.focus({ preventScroll: calm() });
  }

  #search() {
    this.#openList(true);
    this.list.search.select();
  }

  /** Says words to a screen reader; with `show` also to the eye, for a while. */
  say(words, { show = false } = {}) {
    this.live.textContent = words;
    if (!show) return;
    this.toast.textContent = words;
    this.toast.classList.add('is-shown');
    clearTimeout(this.#said);
    this.#said = setTimeout(() => this.toast.classList.remove('is-shown'), 2600);
  }

  async share() {
    const href = shareAddress(this.view);
    try {
      await navigator.clipboard.writeText(href);
      this.say('Link copied.', { show: true });
    } catch {
      // No clipboard without https or permission: the address bar already holds the same view.
      this.say('The browser does not let the link be copied. Copy it from the address bar.', { show: true });
    }
  }

  async png() {
    if (!this.active.view) return;
    this.say(this.second ? 'Drawing both pictures…' : 'Drawing the picture…', { show: true });
    try {
      const words = await savePicture(this.#panes, this.#layers);
      this.say(words, { show: true });
    } catch (error) {
      this.say(error.message, { show: true });
    }
  }
}
