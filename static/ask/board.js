/** The picture in the middle, with its tools: one draw on the stage, or all of them small. */
import { button, calm, el, fill } from '../viewer/dom.js';
import { icon } from '../viewer/icons.js';
import { Pane } from '../viewer/pane.js';
import { Player } from '../viewer/player.js';
import { layerSwitches, zoomButtons } from '../viewer/toolbar.js';
import { Draws, DrawRow } from './draws.js';
import { Outcome } from './outcome.js';
import { Side } from './side.js';

/** How long the gaze takes from one mark to the next, in ms. */
const JUMP = 380;

/** Whether more may come of what a view shows. */
function goesOn(view) {
  return Boolean(view.live);
}

/** A picture with nothing on it, as a view; `words` say why, `live` that something may come. */
export function bareView(picture, { question = '', domainTitle = '', words, live = false }) {
  return {
    id: '', live, plain: words, question, dataset: '', domain_title: domainTitle, policy: '', picture, pictures: [picture], frame: null, steps: [], faults: [], turns: [],
    overlay_text: [], answer: { text: null, point: null, verdict: null, reason: '' }, truth: { kind: 'none', text: '', box: null, point: null },
  };
}

export class Board {
  /** True while the newest step is shown as it comes. */
  following = true;
  /** The draw on the stage; -1: all of them small. */
  draw = -1;
  /** The draw that was on the stage last; null before there was one. */
  seen = null;
  #events;
  #layers = { path: true, truth: true, windows: false };
  #moves = false;

  /** `events`: pick(draw), all(), larger(step), say(words), followed() */
  constructor(events) {
    this.#events = events;
    const own = {
      step: () => this.#stepped(),
      moved: () => this.#setZoom(),
      larger: (step) => events.larger(step),
      looks: (open) => this.pane.looks.setOpen(open),
      active: () => {},
    };
    this.zoomShown = el('output', { class: 'sc-zoom', 'aria-label': 'Zoom', text: '100 %' });
    this.pane = new Pane(own, 'conversation', Side);
    this.player = new Player(() => this.#showPlaying());
    this.follow = button([icon('follow'), 'Newest'], () => this.#toggleFollow(), { 'aria-pressed': 'true', title: 'Show the newest step as it comes (F)', 'data-key': 'follow' });
    this.play = button('', () => this.player.toggle(this.pane), { class: 'sc-play', title: 'Play the path (Space)' });
    this.row = new DrawRow((draw) => events.pick(draw), () => events.all());
    this.draws = new Draws((draw) => events.pick(draw));
    this.outcome = new Outcome();
    const zoom = { zoom: (factor) => this.pane.zoom(factor), fit: () => this.pane.stage.viewport.fit(), actual: () => this.pane.stage.viewport.actual() };
    this.toolbar = el('div', { class: 'sc-toolbar', role: 'toolbar', 'aria-label': 'View' }, layerSwitches((name, on) => this.#setLayer(name, on)), this.follow, el('span', { class: 'sc-spring' }), zoomButtons(zoom, this.zoomShown), this.play);
    this.one = el('div', { class: 'sc-work ak-one' }, this.pane.main, this.pane.info.node);
    this.many = el('div', { class: 'sc-work ak-many', hidden: true }, this.draws.node, this.outcome.node);
    this.node = el('div', { class: 'ak-board', tabindex: '-1' }, this.toolbar, this.row.node, this.one, this.many);
    this.#applyLayers();
    this.#showPlaying();
    this.row.node.hidden = true;
  }

  /** A picture about which nothing is asked yet. */
  bare(picture, facts) {
    this.player.stop();
    this.row.show(1);
    this.#large(true);
    this.draw = -1;
    this.pane.show(bareView(picture, facts));
    this.#showFollow(false);
  }

  /** A run of so many draws begins to be looked at. */
  begin(summary) {
    this.player.stop();
    this.following = true;
    this.seen = null;
    this.draws.show(summary);
    this.row.show(summary.samples);
    this.draw = -1;
    this.#large(summary.samples === 1);
  }

  #large(one) {
    this.one.hidden = !one;
    this.many.hidden = one;
    this.toolbar.hidden = !one;
    if (!one) this.row.node.hidden = true;
  }

  /** Puts a draw onto the stage. `view` is what there is of it. */
  enlarge(draw, view) {
    this.player.stop();
    this.#large(true);
    const samples = this.row.list.childElementCount;
    this.row.node.hidden = samples < 2;
    this.draw = draw;
    this.seen = draw;
    this.row.mark(draw);
    this.draws.mark(draw);
    this.following = goesOn(view);
    this.#quietly(() => this.pane.show(view, this.following && !view.plain ? view.steps.length - 1 : -1));
    this.#showFollow(this.following);
  }

  /** All draws small; the one that was large has the focus. */
  showAll() {
    this.player.stop();
    const before = this.draw;
    this.draw = -1;
    this.#large(false);
    this.draws.mark(before);
  }

  /** There is more of the draw on the stage. */
  grow(view) {
    const before = this.pane.length;
    this.#quietly(() => {
      if (this.pane.view?.plain || view.picture.url !== this.pane.view?.picture.url) this.pane.show(view, -1);
      else this.pane.grow(view);
      const newest = view.steps.length - 1;
      if (this.following && !this.player.playing && newest >= 0 && newest !== this.pane.step) this.#goTo(newest, before);
    });
    this.#showFollow(goesOn(view));
  }

  #goTo(step, before) {
    const from = this.pane.step;
    this.pane.setStep(step);
    if (step >= before && !calm()) this.pane.stage.overlay.travel(from, step, JUMP);
  }

  /** A move that is not the person's. */
  #quietly(run) {
    this.#moves = true;
    run();
    this.#moves = false;
  }

  #stepped() {
    if (this.#moves) return;
    this.following = false;
    this.#showFollow(!this.follow.hidden);
    this.#events.say(this.pane.spoken);
  }

  #toggleFollow() {
    this.setFollowing(!this.following);
  }

  setFollowing(on) {
    this.following = on;
    if (on) {
      this.player.stop();
      this.#quietly(() => this.pane.setStep(this.pane.length - 1));
    }
    this.#showFollow(!this.follow.hidden);
  }

  #showFollow(there) {
    this.follow.hidden = !there;
    this.follow.setAttribute('aria-pressed', String(this.following));
  }

  stepBy(by) {
    this.player.stop();
    const { step, length } = this.pane;
    this.pane.setStep(step < 0 && by < 0 ? length - 1 : Math.max(0, step + by));
  }

  stepTo(index) {
    this.player.stop();
    this.pane.setStep(index);
  }

  get currentStep() {
    return this.one.hidden ? null : this.pane.view?.steps[this.pane.step] ?? null;
  }

  #setLayer(name, on) {
    this.#layers[name] = on;
    this.#applyLayers();
  }

  #applyLayers() {
    for (const [name, on] of Object.entries(this.#layers)) this.pane.stage.node.classList.toggle(`shows-${name}`, on);
  }

  #setZoom() {
    const text = `${Math.round(this.pane.stage.viewport.zoom * 100)} %`;
    if (this.zoomShown.textContent !== text) this.zoomShown.textContent = text;
  }

  #showPlaying() {
    const { playing } = this.player;
    fill(this.play, icon(playing ? 'pause' : 'play'), el('span', { class: 'sc-word', text: playing ? 'Pause' : 'Play' }));
    this.play.setAttribute('aria-label', playing ? 'Pause' : 'Play the path');
  }
}
