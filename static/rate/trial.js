/** One step being judged: the picture with its circle, the sentence, the questions, and everything that can be added. */
import { el, fill, scrollIntoBox } from '../viewer/dom.js';
import { Clock } from './clock.js';
import { Judging } from './judging.js';
import { Placing } from './placing.js';
import { PlaceFields } from './placefields.js';
import { ProgressLine } from './progress.js';
import { Questions } from './questions.js';
import { Comment, Skip } from './remarks.js';
import { plain, sentence } from './sentence.js';
import { Side } from './side.js';
import { Stage } from './stage.js';
import { placeWords } from './words.js';
import { ZoomPanel } from './zoom.js';

/** So long, in milliseconds, the last answer is shown before the next step comes. */
const GRACE = 350;

/** These wait for the person to be done with them, so the step does not leave by itself. */
const STAYS = new Set(['point', 'box', 'comment', 'skip', 'guide', 'mine', 'studies', 'keys']);

export class Trial {
  #grace = 0;
  #study;
  #keymap;
  #assets;
  #preferences;
  #events;
  item = null;
  judging = null;
  name = 'trial';

  /**
   * `tools`: keymap, assets, preferences, status, live(words), who, menu; `events`: submitted(judgement), changed(content), run(action)
   */
  constructor(study, tools, events) {
    this.#study = study;
    this.#keymap = tools.keymap;
    this.#assets = tools.assets;
    this.#preferences = tools.preferences;
    this.#events = events;
    this.live = tools.live;
    this.clock = new Clock();
    this.stage = new Stage(() => this.#picture());
    this.placing = new Placing(this.stage, { changed: (value) => this.#placed(value) });
    this.fields = new PlaceFields({ put: (value) => this.placing.put(value), done: () => this.#leave(), confirm: () => this.#confirm() });
    this.comment = new Comment({ changed: (text) => this.#change(() => { this.judging.comment = text; }), done: () => this.#home() });
    this.skip = new Skip({ skip: (reason) => this.#skip(reason), changed: (text) => this.#change(() => { this.judging.reason = text; }), left: () => this.#leave() });
    this.zoom = new ZoomPanel(() => this.#change(() => { this.judging.zoom_seen = true; }));
    this.questions = new Questions(this.#keymap, (question, value) => this.#answer(question, value));
    this.progress = new ProgressLine(this.#keymap, () => this.run('guide'));
    this.#assemble(tools);
    this.setStudy(study);
  }

  #assemble({ status, who, menu }) {
    const panels = [this.fields.node, this.skip.node, this.comment.node];
    this.side = new Side(this.#keymap, (action) => this.run(action), { questions: this.questions.node, panels, status: status.node, zoom: this.zoom.node }, who, menu);
    this.words = el('div', { class: 'rt-words', tabindex: '0', role: 'group', 'aria-label': 'The sentence' });
    this.main = el('section', { class: 'rt-main', 'aria-label': 'The step' }, this.progress.node, this.stage.node, this.words);
    this.node = el('div', { class: 'rt-trial' }, this.main, this.side.node);
    for (const sign of ['pointerdown', 'wheel']) this.node.addEventListener(sign, () => { if (this.judging) this.judging.keys_only = false; }, { passive: true, capture: true });
  }

  /** A new guideline may ask other questions; answers that it still knows stay. */
  setStudy(study) {
    this.#study = study;
    this.questions.setQuestions(study.questions);
    this.#keymap.forStudy(study.questions);
    if (this.item) this.show(this.item, this.judging.content(), { change: this.change });
  }

  get locked() {
    return this.#study.own_point_first && !this.judging?.own_point;
  }

  /** Shows a step; `content` is what was said about it before. `change`: a rating that counts already is being changed. */
  show(item, content, { change = false } = {}) {
    this.#still();
    this.#held = false;
    this.#quit();
    this.item = item;
    this.change = change;
    this.judging = new Judging(this.#study.questions, content);
    this.judging.zoom_seen = item.zoom ? (this.judging.zoom_seen ?? false) : null;
    this.clock.start(this.judging.seconds);
    this.skip.close();
    this.side.setHint('');
    this.side.body.scrollTop = 0;
    this.stage.show(item, this.#assets.get(item.picture.url), this.#study.circle);
    this.#say(item);
    if (this.locked) this.#place('own');
    this.refresh();
    if (this.node.contains(this.node.getRootNode().activeElement) && !this.fields.node.matches(':focus')) this.progress.focus();
    // On a telephone the answers lie below the picture: the next step begins at its top again.
    if (this.node.getBoundingClientRect().top < -1) this.node.scrollIntoView({ block: 'start' });
    this.live(`${placeWords(item)}. ${plain(item.sentence)}`);
  }

  #say(item) {
    const asked = item.question ? el('p', { class: 'rt-asked', dir: 'auto' }, el('span', { class: 'sc-quiet', text: 'Asked: ' }), item.question) : null;
    fill(this.words, asked, sentence(item.sentence, this.#study.circle.color));
    this.words.scrollTop = 0;
  }

  #picture() {
    this.stage.show(this.item, this.#assets.get(this.item.picture.url), this.#study.circle);
    this.refresh();
  }

  /** Everything as the judgement has it. */
  refresh() {
    if (!this.item) return;
    const { item, judging, locked } = this;
    const { mode } = this.placing;
    const open = this.#preferences.zoom && !locked;
    this.questions.show({ answers: judging.answers, locked });
    this.comment.show(judging.comment);
    this.zoom.show(item, item.zoom && open ? this.#assets.get(item.zoom.url) : null, { open, seen: judging.zoom_seen });
    this.stage.draw({
      circle: locked ? null : item.point,
      own: locked ? (judging.own ?? null) : judging.own_point,
      point: judging.correction?.point ?? null,
      box: judging.correction?.box ?? null,
      window: item.zoom && open ? item.zoom.window : null,
      editing: mode,
    });
    if (mode) this.fields.show(this.placing.value);
    this.#refreshSide(mode, open);
  }

  #refreshSide(mode, open) {
    const { item, judging, locked } = this;
    const pressed = new Set([mode, judging.correction?.point && 'point', judging.correction?.box && 'box', judging.comment && 'comment', open && 'zoom']);
    const absent = new Set([!this.#study.corrections && 'point', !this.#study.corrections && 'box', !item.zoom && 'zoom']);
    const disabled = new Set(locked ? ['point', 'box', 'zoom'] : []);
    const submit = judging.complete && !locked && !this.#grace && !(this.#preferences.advance && judging.ready && !this.#held);
    this.side.show({ pressed, absent, disabled, submit, advance: this.#preferences.advance, questions: this.#study.questions.length, change: this.change });
  }

  /** True once the automatic advance of this step was called off. */
  #held = false;

  /** Applies a change, keeps it as a draft, and shows it. */
  #change(apply) {
    if (!this.item) return;
    apply();
    this.judging.seconds = this.clock.seconds;
    this.#events.changed(this.judging.content());
    this.refresh();
  }

  #answer(question, value) {
    if (this.locked) {
      this.side.setHint('Mark the place first, then confirm it.');
      return;
    }
    this.#held = false;
    this.side.setHint('');
    this.skip.close();
    const leaves = () => this.judging.ready && this.#preferences.advance;
    this.#still();
    this.#change(() => this.judging.answer(question, value));
    if (!leaves()) return;
    this.#grace = setTimeout(() => this.#submit(), GRACE);
    this.questions.setLeaving(true);
    this.refresh();
  }

  /** Calls the automatic advance off; true where one was under way. */
  #still() {
    const leaving = this.#grace !== 0;
    clearTimeout(this.#grace);
    this.#grace = 0;
    this.questions.setLeaving(false);
    return leaving;
  }

  #submit() {
    this.#still();
    if (this.locked) return this.#confirm();
    const { missing } = this.judging;
    if (missing && this.placing.mode) return this.#leave();
    if (missing) {
      this.side.setHint(`Not answered yet: ${missing.text}`);
      return undefined;
    }
    return this.#hand('rated');
  }

  #skip(reason) {
    this.judging.reason = reason;
    this.#hand('skipped');
  }

  #hand(kind) {
    this.#quit();
    this.skip.close();
    this.judging.seconds = this.clock.seconds;
    this.#events.submitted(this.judging.judgement(kind));
  }

  // Placing: the rater's own point, the point as it should be, the box

  #place(mode) {
    const { item, judging } = this;
    const value = { own: judging.own ?? null, point: judging.correction?.point ?? null, box: judging.correction?.box ?? null }[mode];
    const middle = { x: item.picture.width / 2, y: item.picture.height / 2 };
    const start = mode === 'own' ? middle : { x: Math.min(item.picture.width, Math.max(0, item.point.x)), y: Math.min(item.picture.height, Math.max(0, item.point.y)) };
    this.placing.enter(mode, value, start);
    this.fields.open(mode, item.picture, this.#keymap);
    this.fields.show(value);
    this.refresh();
    this.fields.node.focus({ preventScroll: true });
    scrollIntoBox(this.side.body, this.fields.node);
  }

  #placed(value) {
    const { mode } = this.placing;
    this.#change(() => {
      if (mode === 'own') this.judging.own = value;
      else this.judging.correction = value ? { point: null, box: null, [mode]: value } : null;
    });
  }

  /** The rater's own point holds; from now on the model's is shown. */
  #confirm() {
    if (!this.judging.own) {
      this.side.setHint('Mark the place first: click on the picture, or use the arrows.');
      return;
    }
    this.#quit();
    this.side.setHint('');
    this.#change(() => {
      this.judging.own_point = this.judging.own;
      this.judging.own = null;
    });
    this.#home();
    this.live('The circle is shown now. Answer the questions.');
  }

  #quit() {
    if (!this.placing.mode) return;
    this.placing.leave();
    this.fields.close();
  }

  /** Leaves what is open and keeps what it holds; the own point cannot be left. */
  #leave() {
    const open = this.skip.isOpen || (this.placing.mode && this.placing.mode !== 'own');
    if (this.skip.isOpen) this.skip.close();
    else if (this.placing.mode !== 'own') this.#quit();
    if (!open) return false;
    this.refresh();
    this.#home();
    return true;
  }

  #home() {
    this.progress.focus();
  }

  // Keys and buttons

  key(name) {
    if (!this.item) return false;
    if (this.skip.isOpen && this.skip.key(name)) return true;
    if (this.placing.key(name)) return true;
    if (name === 'Escape') return this.#leave() || this.run('leave');
    const panned = { 'Shift+ArrowLeft': [1, 0], 'Shift+ArrowRight': [-1, 0], 'Shift+ArrowUp': [0, 1], 'Shift+ArrowDown': [0, -1] }[name];
    if (panned) this.stage.pan(...panned);
    const action = this.#keymap.action(name);
    if (panned || !action) return Boolean(panned);
    return this.run(action);
  }

  /** Does what a key or a button stands for; false where it is of no use now. */
  run(action) {
    if (action.startsWith('answer:')) return this.#keyed(action);
    if (STAYS.has(action) && this.#still()) this.#hold();
    const own = {
      submit: () => this.#submit(), point: () => this.#correct('point'), box: () => this.#correct('box'), skip: () => this.#openSkip(),
      comment: () => this.comment.open(), zoom: () => this.#toggleZoom(), larger: () => this.stage.zoom(1.25), smaller: () => this.stage.zoom(1 / 1.25),
      fit: () => this.stage.viewport.fit(), undo: () => this.#undo(),
    }[action];
    if (!own) return this.#events.run(action);
    return own() !== false;
  }

  /** An answer given by its key: 'answer:question:value'. */
  #keyed(action) {
    const [kind, question] = action.split(':', 2);
    this.#answer(question, action.slice(kind.length + question.length + 2));
    return true;
  }

  #hold() {
    this.#held = true;
    this.refresh();
  }

  #correct(mode) {
    if (!this.#study.corrections || this.locked) return false;
    this.skip.close();
    if (this.placing.mode === mode) return this.#leave();
    this.#quit();
    this.#place(mode);
    return true;
  }

  #openSkip() {
    if (this.skip.isOpen) return this.#leave();
    if (this.placing.mode && this.placing.mode !== 'own') this.#quit();
    this.refresh();
    this.skip.open(this.#study.skip_reasons, this.judging.reason);
    return true;
  }

  #toggleZoom() {
    if (!this.item.zoom || this.locked) return false;
    this.#preferences.zoom = !this.#preferences.zoom;
    this.#events.run('preferences');
    this.refresh();
    return true;
  }

  /** While the last answer is being shown it is that answer which is taken back; else the last rating. */
  #undo() {
    if (!this.#still()) return this.#events.run('undo');
    this.#change(() => this.judging.takeBack());
    return true;
  }

  /** Where the next Tab begins, and what a screen reader reads. */
  focus() {
    (this.placing.mode ? this.fields.node : this.progress).focus({ preventScroll: true });
  }

  pause() {
    this.#still();
    this.clock.pause();
  }

  resume() {
    this.clock.resume();
    this.refresh();
  }

  destroy() {
    this.#still();
    this.clock.destroy();
  }
}
