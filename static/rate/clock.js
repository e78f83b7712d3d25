/** The time on a step: it runs while the page is in sight and somebody is there. */

/** Without a key or a pointer for so long, nobody is taken to be there. */
const AWAY = 60_000;

/** More than this is no longer time on a step. */
const MOST = 3600;

const SIGNS = ['keydown', 'pointerdown', 'pointermove', 'wheel'];

export class Clock {
  #spent = 0;
  #since = null;
  #sign = 0;
  #paused = true;
  #off = new AbortController();

  constructor() {
    const { signal } = this.#off;
    document.addEventListener('visibilitychange', () => this.#turn(), { signal });
    for (const name of SIGNS) document.addEventListener(name, () => this.#seen(), { signal, passive: true, capture: true });
  }

  /** Begins a step that has taken `seconds` already. */
  start(seconds = 0) {
    this.#spent = seconds * 1000;
    this.#since = null;
    this.#paused = false;
    this.#turn();
  }

  pause() {
    this.#paused = true;
    this.#turn();
  }

  resume() {
    this.#paused = false;
    this.#turn();
  }

  /** Seconds with one decimal. */
  get seconds() {
    const running = this.#since === null ? 0 : this.#until() - this.#since;
    return Math.min(MOST, Math.round((this.#spent + running) / 100) / 10);
  }

  #until() {
    return Math.max(this.#since, Math.min(performance.now(), this.#sign + AWAY));
  }

  #seen() {
    const now = performance.now();
    if (this.#since !== null && now > this.#sign + AWAY) this.#stop();
    this.#sign = now;
    this.#turn();
  }

  #stop() {
    if (this.#since === null) return;
    this.#spent += this.#until() - this.#since;
    this.#since = null;
  }

  #turn() {
    if (this.#paused || document.hidden) return this.#stop();
    if (this.#since !== null) return undefined;
    this.#since = performance.now();
    this.#sign = this.#since;
    return undefined;
  }

  destroy() {
    this.#off.abort();
  }
}
