/** Plays the path, one step after the other. */
import { calm } from './dom.js';

/** Time on one step at speed 1, in ms, and how long the jump to it takes. */
const DWELL = 1400;
const JUMP = 420;

export const SPEEDS = [0.5, 1, 2, 4];

export class Player {
  speed = 1;
  #timer = 0;
  #pane = null;
  #changed;

  constructor(changed) {
    this.#changed = changed;
  }

  get playing() {
    return this.#pane !== null;
  }

  toggle(pane) {
    if (this.playing) this.stop();
    else this.start(pane);
  }

  start(pane) {
    if (!pane.length) return;
    if (pane.step >= pane.length - 1) pane.setStep(-1);
    this.#pane = pane;
    this.#changed();
    this.#next();
  }

  stop() {
    clearTimeout(this.#timer);
    if (!this.#pane) return;
    this.#pane = null;
    this.#changed();
  }

  #next() {
    const pane = this.#pane;
    const from = pane.step;
    pane.setStep(from + 1);
    if (!calm()) pane.stage.overlay.travel(from, from + 1, JUMP / this.speed);
    this.#timer = setTimeout(() => (pane.step >= pane.length - 1 ? this.stop() : this.#next()), DWELL / this.speed);
  }
}
