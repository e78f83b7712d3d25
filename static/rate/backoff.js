/** Trying again, each time a little later: 1, 2, 4, 8, 15, then every 30 seconds; at once when the network comes back. */

const WAITS = [1, 2, 4, 8, 15, 30];

export class Backoff {
  #run;
  #timer = 0;
  #tries = 0;
  #online = () => this.now();

  /** When the next try comes, as Date.now() counts; 0 where none is planned. */
  at = 0;

  constructor(run) {
    this.#run = run;
    addEventListener('online', this.#online);
  }

  /** Plans a try. `least`: not before so many seconds. */
  later(least = 0) {
    const wait = Math.max(least, WAITS[Math.min(this.#tries, WAITS.length - 1)]);
    this.#tries += 1;
    clearTimeout(this.#timer);
    this.at = Date.now() + wait * 1000;
    this.#timer = setTimeout(() => this.now(), wait * 1000);
  }

  /** Tries at once where a try was planned. */
  now() {
    if (!this.at) return;
    clearTimeout(this.#timer);
    this.at = 0;
    this.#run();
  }

  /** It worked: nothing is planned, and the next failure begins with the shortest wait. */
  rest() {
    clearTimeout(this.#timer);
    this.at = 0;
    this.#tries = 0;
  }

  destroy() {
    this.rest();
    removeEventListener('online', this.#online);
  }
}
