/** The next steps, fetched with their pictures before they are needed. */
import { Refused, Unreachable } from './api.js';
import { Backoff } from './backoff.js';

/** So many steps lie ready behind the present one. */
const AHEAD = 2;

/** More than this the server does not hold for one rater at a time. */
const MOST = 10;

export class Queue {
  #ahead = [];
  #given = new Map();
  #asking = null;
  #again = false;
  #events;
  #backoff = new Backoff(() => this.refill());

  /** Why the last fetch failed; '' where it did not. */
  failure = '';
  /** Whether the server has said that there is nothing more. */
  dry = false;

  /** `events`: fetch(count) -> the answer, answered(answer), changed(), current() -> item or null, prepare(item) */
  constructor(events) {
    this.#events = events;
  }

  get nextTry() {
    return this.#backoff.at;
  }

  get asking() {
    return this.#asking !== null;
  }

  get ahead() {
    return [...this.#ahead];
  }

  /** A rating was given: until the server knows of it, the step would come again. */
  give(item) {
    this.#given.set(item, Infinity);
    this.#ahead = this.#ahead.filter((one) => one.item !== item);
  }

  /** The server knows of it: what is fetched from now on is what it really asks. */
  settle(item) {
    if (this.#given.has(item)) this.#given.set(item, performance.now());
  }

  /** It was taken back. */
  reopen(item) {
    this.#given.delete(item);
  }

  /** The next step, and asks for one more behind it; null where none lies ready. */
  take() {
    const item = this.#ahead.shift() ?? null;
    if (item) this.refill();
    return item;
  }

  /** Puts a step back to where it comes next. */
  putBack(item) {
    this.#ahead = [item, ...this.#ahead.filter((one) => one.item !== item.item)];
  }

  /** Forgets what lies ready, because it was made by an older guideline. */
  clear() {
    this.#ahead = [];
  }

  /** Asks for more; while an answer is awaited, once more after it. */
  refill() {
    if (this.#asking) {
      this.#again = true;
      return this.#asking;
    }
    this.#backoff.rest();
    this.#asking = this.#ask().finally(() => {
      this.#asking = null;
      this.#events.changed();
      if (!this.#again) return;
      this.#again = false;
      this.refill();
    });
    return this.#asking;
  }

  async #ask() {
    const began = performance.now();
    const unknown = [...this.#given.values()].filter((at) => at > began).length;
    try {
      const answer = await this.#events.fetch(Math.min(MOST, 1 + AHEAD + unknown));
      this.failure = '';
      this.#take(answer, began);
      this.#events.answered(answer);
    } catch (error) {
      if (error instanceof Unreachable) this.#backoff.later(error.wait);
      else if (!(error instanceof Refused)) throw error;
      this.failure = error.message;
    }
  }

  /** What was given meanwhile is left out: the answer does not know of it yet. */
  #take(answer, began) {
    const current = this.#events.current();
    const asked = answer.items.filter(({ item }) => item !== current && !(this.#given.get(item) > began));
    this.dry = asked.length === 0;
    this.#ahead = asked;
    for (const item of asked.slice(0, AHEAD + 1)) this.#events.prepare(item);
  }

  destroy() {
    this.#backoff.destroy();
  }
}
