/** Asking a model: the form at the left, the picture with what the model does in the middle, its words beside it. */
import { el, fill } from '../viewer/dom.js';
import { getJson, sendJson } from '../viewer/api.js';
import { foot, Keys, sheet } from '../viewer/keys.js';
import { LookDialog } from '../viewer/lookdialog.js';
import { whenInSight } from '../viewer/mounting.js';
import { failure, Tabs, toaster } from '../studies/pieces.js';
import { runInAddress, writeRun } from './address.js';
import { wishOf, withSeed } from './again.js';
import { bareView, Board } from './board.js';
import { emptyBoard } from './empty.js';
import { Form } from './form.js';
import { FOOT, SHEET } from './keysheet.js';
import { begin, isOurs } from './memory.js';
import { noModel } from './nomodel.js';
import { catchPictures } from './picture.js';
import { Recent } from './recent.js';
import { Recorded } from './recorded.js';
import { Run } from './run.js';
import { RunBar } from './runbar.js';
import { StudyDialog } from './study.js';
import { isOver, stateWord } from './words.js';

export class AskApp {
  #run = null;
  #sent = new Map();
  #ready = false;
  #seen = false;
  #sending = false;
  #helps = false;
  #state = '';
  #off = new AbortController();

  constructor(root, host) {
    this.root = root;
    this.form = new Form({ ask: () => this.ask(), changed: () => this.#formChanged(), picture: () => this.#newPicture(), help: () => this.#help() });
    this.recent = new Recent((run) => this.open(run, { push: true }));
    this.recorded = new Recorded(this.form);
    this.board = new Board({ pick: (draw) => this.enlarge(draw), all: () => this.showAll(), larger: (step) => this.dialog.open(step), say: (words) => this.#speak(words) });
    this.bar = new RunBar({ stop: () => this.stop(), again: (seed) => this.again(seed), study: () => this.study.open(this.#run.id, this.#run.summary.traces.length), form: () => this.#openForm() });
    this.dialog = new LookDialog();
    this.sheet = sheet(SHEET);
    this.live = el('p', { class: 'sc-hidden', 'aria-live': 'polite' });
    this.#assemble();
    this.say = toaster(root);
    this.study = new StudyDialog(this.say);
    this.root.append(this.study.node);
    this.#listen(host);
  }

  #assemble() {
    this.empty = el('div', { class: 'ak-empty' });
    this.sides = { question: this.form.node, runs: this.recent.node };
    this.recent.node.hidden = true;
    this.tabs = new Tabs('Left side', [['question', 'Question'], ['runs', 'Recent runs']], (name) => this.#side(name));
    const left = el('div', { class: 'ak-left' }, this.tabs.node, this.form.node, this.recent.node);
    const centre = el('div', { class: 'ak-centre' }, this.bar.node, this.empty, this.board.node);
    const shade = el('div', { class: 'sc-shade', onclick: () => this.#openForm(false) });
    this.app = el('div', { class: 'sc-app ak-app is-idle' }, el('div', { class: 'sc-body ak-body' }, left, centre), shade, foot(() => this.sheet.showModal(), FOOT), el('p', { class: 'ak-drop', 'aria-hidden': 'true', text: 'Drop the picture here' }));
    this.board.node.hidden = true;
    this.root.append(this.app, this.dialog.node, this.sheet, this.form.shelf.node, this.live);
  }

  #listen(host) {
    const { signal } = this.#off;
    this.keys = new Keys(this.root, this.#bindings(), () => this.awake);
    this.uncatch = catchPictures(this.root, () => this.awake, (file) => this.#give(file), (words) => this.say(words));
    document.addEventListener('keydown', (event) => this.#pressed(event), { signal });
    addEventListener('pagehide', () => this.form.keep(), { signal });
    addEventListener('popstate', () => this.#cameBack(), { signal });
    this.unwatch = whenInSight(host, (seen) => this.#watch(seen));
  }

  destroy() {
    this.#watch(false);
    this.unwatch();
    this.uncatch();
    this.keys.destroy();
    this.#run?.close();
    this.#off.abort();
  }

  /** False while another tab is in view or a dialog is open. */
  get awake() {
    return this.root.isConnected && this.app.getClientRects().length > 0 && !this.root.querySelector('dialog[open]');
  }

  #watch(seen) {
    this.#seen = seen;
    this.form.policies.watch(seen);
    this.recent.watch(seen && !this.recent.node.hidden);
    this.#run?.watch(seen);
    if (seen && !this.#ready) this.load();
    // Of a window that is only covered the address stays; of a tab that is left it goes.
    if (seen) writeRun(this.#run?.id ?? runInAddress());
    else if (!document.hidden) writeRun('');
  }

  /** What there is to choose from; then the run that the address names. */
  async load() {
    this.#ready = true;
    try {
      const facts = await getJson('api/ask');
      this.recorded.take(facts);
      this.form.show(facts);
    } catch (error) {
      this.#ready = false;
      fill(this.empty, failure('This page could not be loaded', error, () => this.load()));
      return;
    }
    const wanted = runInAddress();
    if (wanted && !this.#run) await this.open(wanted);
    else this.#drawEmpty();
  }

  // Asking

  async ask(given) {
    // Whoever draws a scene and asks at once asks about that scene.
    if (given === undefined) await this.form.scenes.drawing;
    const wish = given === undefined ? this.form.read() : given;
    if (!wish || this.#sending) return;
    this.#sending = true;
    this.form.setBusy(true);
    try {
      const { run } = await sendJson('POST', 'api/runs', wish);
      this.#sent.set(run, wish);
      begin(run);
      await this.open(run, { push: true });
      this.board.node.focus({ preventScroll: true });
    } catch (error) {
      this.form.say(error.message);
      this.#openForm();
    } finally {
      this.#sending = false;
      this.form.setBusy(false);
    }
  }

  /** The same question once more, as it was asked, whoever asked it. */
  again(seed) {
    const { id, summary } = this.#run;
    const { form } = this;
    const wish = withSeed(this.#sent.get(id) ?? wishOf(summary, form.settings.values, form.dataset.value), seed);
    if (seed === 'next') form.settings.set('seed', wish.settings.seed);
    return this.ask(wish);
  }

  async stop() {
    if (!this.#run || this.#run.over) return false;
    this.bar.stop.disabled = true;
    try {
      await sendJson('DELETE', `api/runs/${encodeURIComponent(this.#run.id)}`);
    } catch (error) {
      this.say(error.message);
    } finally {
      this.bar.stop.disabled = false;
    }
    return true;
  }

  replay() {
    this.form.fill({ samples: 1 });
    return this.ask(this.recorded.wish());
  }

  // A run

  async open(id, { push = false } = {}) {
    this.#run?.close();
    this.#openForm(false);
    const run = new Run(id, {
      begun: (one) => one === this.#run && this.#begun(one),
      changed: (one, draws) => one === this.#run && this.#changed(one, draws),
      gone: (error, one) => one === this.#run && this.#gone(error),
    });
    this.#run = run;
    writeRun(id, { push });
    this.recent.mark(id);
    await run.open();
    run.watch(this.#seen);
  }

  #begun({ summary }) {
    this.app.classList.remove('is-idle');
    this.empty.hidden = true;
    this.board.node.hidden = false;
    this.board.begin(summary);
    if (summary.samples === 1) this.enlarge(0);
  }

  #changed(run, numbers) {
    const { summary, scored } = run;
    if (summary.state !== this.#state) this.#turned(summary);
    for (const number of numbers) {
      this.board.draws.draw(run.draws[number], scored);
      this.board.row.draw(run.draws[number], scored);
    }
    const { draw } = this.board;
    if (draw >= 0 && (numbers.includes(draw) || this.board.pane.view?.plain)) this.board.grow(this.#viewOf(draw));
    if (draw < 0) this.board.outcome.show(summary, run.ended, scored);
    this.board.draws.link(summary.traces ?? [], this.board.seen);
    this.#drawBar();
  }

  /** The run has come to another state: its policy may have too, and who cannot see it is told. */
  #turned({ state, error }) {
    this.#state = state;
    this.form.policies.load();
    this.#speak([stateWord(state), error].filter(Boolean).join(': '));
  }

  #gone(error) {
    this.#run = null;
    writeRun('');
    this.recent.mark('');
    this.#drawEmpty();
    this.say(error.message);
  }

  #drawBar() {
    const run = this.#run;
    const turns = run?.draws[Math.max(0, this.board.draw)]?.view?.turns.length ?? 0;
    const most = run?.summary?.settings?.max_turns;
    const turn = turns && this.board.draw >= 0 ? `turn ${turns}${most > 1 ? ` of at most ${most}` : ''}` : '';
    this.bar.stop.classList.toggle('is-ours', Boolean(run) && isOurs(run.id));
    this.bar.show(run?.summary ?? null, run?.summary?.state === 'loading' ? this.#loaded(run.summary.policy) : turn);
    this.bar.lost(run?.gone || (run?.lost ? 'The connection is lost; the run goes on. Trying again…' : ''));
  }

  /** How far the loading of a run's policy is: '40 %'. */
  #loaded(reference) {
    const policy = this.form.policies.list.find((one) => one.reference === reference);
    return typeof policy?.percent === 'number' ? `${Math.round(policy.percent)} %` : '';
  }

  #viewOf(number) {
    const { summary, draws } = this.#run;
    const draw = draws[number];
    if (draw?.view) return draw.view;
    const over = isOver(draw?.state ?? summary.state);
    const words = over ? draw?.error || 'Nothing was said.' : 'The model has not said anything yet.';
    return bareView(summary.picture, { question: summary.question, domainTitle: summary.domain_title, words, live: !over });
  }

  /** One draw on the stage. */
  enlarge(draw) {
    this.board.enlarge(draw, this.#viewOf(draw));
    this.#drawBar();
  }

  showAll() {
    const run = this.#run;
    if (!run || run.summary.samples < 2) return false;
    const { seen } = this.board;
    this.board.showAll();
    this.board.outcome.show(run.summary, run.ended, run.scored);
    this.board.draws.link(run.summary.traces ?? [], seen);
    this.board.draws.focus(seen ?? 0);
    this.#drawBar();
    return true;
  }

  #neighbour(by) {
    const samples = this.#run?.summary?.samples ?? 0;
    if (samples < 2) return false;
    const { draw, seen } = this.board;
    this.enlarge((((draw < 0 ? (seen ?? -by) : draw) + by) + samples) % samples);
    return true;
  }

  // The picture and the empty page

  #give(file) {
    this.tabs.choose('question', (name) => this.#side(name));
    this.form.picture.give(file);
  }

  /** Another picture is there: what was asked of the one before it stays in the list of runs. */
  #newPicture() {
    this.#helps = false;
    if (!this.#run) return this.#drawEmpty();
    if (this.#run.summary && !this.#run.over) return undefined;
    return this.leave();
  }

  /** Back to the picture about which nothing is asked yet. */
  leave() {
    this.#run?.close();
    this.#run = null;
    writeRun('');
    this.recent.mark('');
    this.#drawEmpty();
  }

  #formChanged() {
    this.recorded?.show();
    if (this.#run?.summary) this.#drawBar();
    if (!this.#run && this.#ready) this.#drawEmpty();
  }

  #drawEmpty() {
    const { picture } = this.form.picture;
    const { policies } = this.form;
    const none = policies.known && !policies.models.length;
    const bare = Boolean(picture) && !(none && this.#helps);
    this.app.classList.add('is-idle');
    this.#drawBar();
    this.empty.hidden = bare;
    this.board.node.hidden = !bare;
    if (bare) this.#drawPicture(picture);
    else if (none) this.#fillEmpty('none', () => noModel(policies.mayAdd, this.recorded.there ? () => this.replay() : null));
    else this.#fillEmpty('nothing', () => emptyBoard(() => this.form.picture.browse(), () => this.form.shelf.open(), this.form.scenes.there ? () => this.form.scenes.draw() : null));
  }

  /** How a model is named, in place of the picture. */
  #help() {
    this.#helps = true;
    this.leave();
  }

  #drawPicture(picture) {
    const question = this.form.question.value;
    if (this.board.pane.view?.plain && this.board.pane.view.picture.url === picture.url && this.board.pane.view.question === question) return;
    this.board.bare(picture, { question: question || 'No question yet', domainTitle: this.form.domainTitle, words: 'Ask, and the steps of the model appear here and on the picture, one by one.' });
  }

  /** What stands there already stays, with its focus. */
  #fillEmpty(kind, make) {
    const key = `${kind} ${this.form.policies.mayAdd} ${this.recorded.there} ${this.form.scenes.there}`;
    if (this.empty.dataset.kind === key) return;
    this.empty.dataset.kind = key;
    fill(this.empty, make());
  }

  // Left side, keys, words

  #side(name) {
    for (const [one, node] of Object.entries(this.sides)) node.hidden = one !== name;
    this.recent.watch(this.#seen && name === 'runs');
  }

  #openForm(open = !this.app.classList.contains('is-list-open')) {
    this.app.classList.toggle('is-list-open', open);
    this.bar.form.setAttribute('aria-expanded', String(open));
  }

  async #cameBack() {
    if (!this.#seen) return;
    const wanted = runInAddress();
    if (wanted === (this.#run?.id ?? '')) return;
    if (wanted) await this.open(wanted);
    else this.leave();
  }

  #bindings() {
    const { board } = this;
    const large = (run) => () => (board.one.hidden || board.node.hidden ? false : run());
    const pan = (dx, dy) => large(() => board.pane.stage.viewport.pan(dx * 60, dy * 60));
    const zoom = (factor) => large(() => board.pane.zoom(factor));
    return {
      ArrowRight: large(() => board.stepBy(1)), ArrowLeft: large(() => board.stepBy(-1)),
      Home: large(() => board.stepTo(0)), End: large(() => board.stepTo(board.pane.length - 1)),
      ' ': large(() => board.player.toggle(board.pane)),
      '[': () => this.#neighbour(-1), ']': () => this.#neighbour(1), g: () => this.showAll(),
      f: large(() => board.follow.hidden ? false : board.setFollowing(!board.following)),
      '+': zoom(1.25), '=': zoom(1.25), '-': zoom(1 / 1.25), '−': zoom(1 / 1.25),
      0: large(() => board.pane.stage.viewport.fit()), 1: large(() => board.pane.stage.viewport.actual()),
      'Shift+ArrowLeft': pan(1, 0), 'Shift+ArrowRight': pan(-1, 0), 'Shift+ArrowUp': pan(0, 1), 'Shift+ArrowDown': pan(0, -1),
      o: () => (board.currentStep?.look ? this.dialog.open(board.currentStep) : false),
      '?': () => this.sheet.showModal(),
    };
  }

  /** The two keys that also count while somebody types: Ctrl and Enter ask, Esc stops. */
  #pressed(event) {
    if (event.defaultPrevented || !this.awake) return;
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.ask();
    } else if (event.key === 'Escape' && this.#escape()) {
      event.preventDefault();
    }
  }

  #escape() {
    if (this.#run?.summary && !this.#run.over && isOurs(this.#run.id)) return Boolean(this.stop());
    if (this.app.classList.contains('is-list-open')) this.#openForm(false);
    else if (this.board.player.playing) this.board.player.stop();
    else if (!this.board.one.hidden && this.board.pane.step >= 0) this.board.stepTo(-1);
    else return this.showAll();
    return true;
  }

  #speak(words) {
    this.live.textContent = words;
  }
}
