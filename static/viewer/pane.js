/** One trace in view: its question, the stage, the looks and the panel, all at one step. */
import { el, fill } from './dom.js';
import { ownUrl } from './api.js';
import { foldCut } from './fold.js';
import { icon } from './icons.js';
import { Info } from './info.js';
import { Looks } from './looks.js';
import { Stage } from './stage.js';
import { count, plural, steps as stepWords, verdictWord } from './words.js';

const SIGNS = { true: 'check', false: 'cross', null: 'dash' };

let switches = 0;

/** Measures from the call until the frame after it has been handed to the screen, under the name saccade:step. */
function measureSwitch(detail) {
  switches += 1;
  const start = `saccade:step:${switches}`;
  performance.mark(start);
  return () => requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      performance.measure('saccade:step', { start, detail });
      performance.clearMarks(start);
      channel.port1.close();
    };
    channel.port2.postMessage(0);
  });
}

export class Pane {
  view = null;
  step = -1;
  #events;

  /**
   * `events`: step(pane, index), moved(pane), larger(step), looks(open), active(pane); `name` tells two panes apart: 'first trace';
   * `Words` is the panel beside the picture.
   */
  constructor(events, name, Words = Info) {
    this.#events = events;
    const own = {
      step: (index) => this.setStep(index),
      hot: (index) => this.setHot(index),
      larger: (step) => events.larger(step),
      looks: (open) => events.looks(open),
      moved: () => events.moved(this),
    };
    this.stage = new Stage(own);
    this.looks = new Looks(own);
    this.info = new Words(own, name);
    this.head = el('header', { class: 'sc-head' });
    this.main = el('section', { class: 'sc-main', 'aria-label': `Picture of the ${name}` }, this.head, this.stage.node, this.stage.truth, this.looks.bar, this.looks.node);
    for (const part of [this.main, this.info.node]) {
      part.addEventListener('pointerdown', () => events.active(this), { capture: true });
      part.addEventListener('focusin', () => events.active(this));
    }
  }

  show(view, step = -1) {
    this.view = view;
    this.step = -1;
    this.#head(view);
    this.looks.show(view);
    this.info.show(view);
    this.stage.show(view);
    this.main.dataset.trace = view.id;
    if (step >= 0) this.setStep(step);
    else this.#events.step(this, -1);
  }

  /** The same trace with more in it: the step, the place in the picture and all that has not changed stay. */
  grow(view) {
    this.view = view;
    this.looks.grow(view);
    this.info.grow(view);
    const redrawn = this.stage.grow(view);
    const step = Math.min(this.step, this.length - 1);
    if (redrawn) this.stage.overlay.setStep(step);
    if (step !== this.step) this.setStep(step);
    else this.#keepStep(step);
  }

  /** What has grown may stand on new nodes: they are told the step. */
  #keepStep(step) {
    this.looks.setStep(step);
    this.info.setStep(step, { scroll: false });
  }

  /** Nothing is open: keys find no step. */
  clear() {
    this.view = null;
    this.step = -1;
  }

  #head(view) {
    const { picture } = view;
    const facts = [picture.name, `${picture.width} × ${picture.height}`, view.domain_title, view.dataset, view.frame && `frame: ${view.frame.title}`];
    const [asked, ...more] = view.question.split('\n').map((line) => line.trim()).filter(Boolean);
    const rest = more.length ? el('span', { class: 'sc-question-rest', text: ` ${more.join(' · ').replaceAll(': · ', ': ')}` }) : null;
    const title = el('h2', { class: 'sc-question', dir: 'auto' }, asked ?? 'No question', rest);
    const side = el('p', { class: 'sc-side' }, icon(SIGNS[view.answer.verdict]), `${view.policy} · ${verdictWord(view.answer.verdict)}`);
    fill(this.head, side, title, foldCut(title), el('p', { class: 'sc-facts-line', title: facts.filter(Boolean).join(' · '), text: facts.filter(Boolean).join(' · ') }), this.#others(view));
  }

  #others(view) {
    const extra = view.pictures.slice(1).filter((one) => ownUrl(one.url));
    if (!extra.length) return null;
    const links = extra.map((one, k) => el('a', { href: ownUrl(one.url), target: '_blank', rel: 'noopener', text: one.name || `picture ${k + 2}` }));
    return el('p', { class: 'sc-facts-line' }, `All points are on the first of ${count(view.pictures.length)} pictures; also: `, ...links.flatMap((link, k) => (k ? [', ', link] : [link])));
  }

  get length() {
    return this.view ? this.view.steps.length : 0;
  }

  /** Shows a step, -1 for the whole path. Only classes change. */
  setStep(index, { reveal = true, scroll = true } = {}) {
    if (!this.view) return;
    const target = Math.max(-1, Math.min(this.length - 1, index));
    if (target === this.step) return;
    const done = measureSwitch({ trace: this.view.id, step: target + 1 });
    this.step = target;
    this.stage.overlay.setStep(target);
    this.looks.setStep(target);
    this.info.setStep(target, { scroll });
    const anchor = reveal && this.stage.overlay.anchor(target);
    if (anchor) this.stage.viewport.reveal(anchor);
    this.#events.step(this, target);
    done();
  }

  /** Zooms around the current step's mark where it is in sight, else around the middle. */
  zoom(factor) {
    const { viewport, overlay, node } = this.stage;
    const anchor = overlay?.anchor(this.step);
    const at = anchor && viewport.toScreen(anchor);
    const seen = at && at.x >= 0 && at.y >= 0 && at.x <= node.clientWidth && at.y <= node.clientHeight;
    if (seen) viewport.zoomAt(factor, at.x, at.y);
    else viewport.zoomAt(factor);
  }

  setHot(index) {
    this.stage.overlay?.setHot(index);
    this.looks.setHot(index);
    this.info.setHot(index);
  }

  /** What a screen reader says after a step. */
  get spoken() {
    if (!this.view) return '';
    if (this.step < 0) return `The whole path, ${plural(this.length, 'step')}.`;
    const step = this.view.steps[this.step];
    const text = step.parts.map((part) => part.text).join('');
    const place = step.point ? `At ${step.place}.` : 'No point.';
    return `${stepWords([step.number])} of ${this.length}. ${text} ${place}`.replace(/^s/, 'S');
  }
}
