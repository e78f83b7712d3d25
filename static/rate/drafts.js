/**
 * What has been begun and not submitted: in this browser at once, on the server a moment later. Whichever of the two is newer
 * comes back when the step is opened again.
 */
import { Refused, Unreachable } from './api.js';
import { Backoff } from './backoff.js';
import * as shelf from './shelf.js';

/** A change is sent after so many milliseconds without another, */
const PAUSE = 300;

/** and after so many at the latest, so that the server has within half a second what is typed without a pause. */
const LATEST = 450;

export class Drafts {
  #rater;
  #put;
  #current = null;
  #open = null;
  #sequences = new Map();
  #timer = 0;
  /** When the first change was made that no request carries yet; 0 where there is none. */
  #since = 0;
  #busy = false;
  #backoff = new Backoff(() => this.flush());
  #off = new AbortController();

  /** `put(item, body, options)` sends one; `newer(item)`: another tab changed it. */
  constructor(rater, { put, newer }) {
    this.#rater = rater;
    this.#put = put;
    const { signal } = this.#off;
    addEventListener('storage', ({ key }) => this.#open && key === this.#nameOf(this.#open) && newer(this.#open), { signal });
    addEventListener('pagehide', () => this.flush({ keepalive: true }), { signal });
    document.addEventListener('visibilitychange', () => document.hidden && this.flush({ keepalive: true }), { signal });
  }

  #nameOf({ item }) {
    return shelf.nameOf('draft', this.#rater, String(item));
  }

  /** The newer one of the browser's and the server's, or null. Another trace's draft under the same number is none. */
  load(item) {
    this.#open = item;
    const kept = shelf.read(this.#nameOf(item));
    const here = kept?.trace === item.trace ? kept : null;
    const sequence = Math.max(here?.sequence ?? 0, item.draft?.sequence ?? 0);
    this.#sequences.set(item.item, sequence);
    const newest = here && here.sequence >= (item.draft?.sequence ?? 0) ? here : item.draft;
    return newest?.content ?? null;
  }

  /** The sequence of what this tab knows of an item. */
  sequence(item) {
    return this.#sequences.get(item.item) ?? 0;
  }

  save(item, content) {
    // The time makes the newer one of two browsers' win, too.
    const sequence = Math.max(Date.now(), this.sequence(item) + 1);
    this.#sequences.set(item.item, sequence);
    shelf.write(this.#nameOf(item), { sequence, trace: item.trace, content });
    this.#current = { item, sequence, content };
    this.#plan();
  }

  #plan() {
    const now = performance.now();
    this.#since ||= now;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.flush(), Math.max(0, Math.min(PAUSE, this.#since + LATEST - now)));
  }

  /** It has been submitted: there is nothing to come back to. */
  drop(item) {
    shelf.drop(this.#nameOf(item));
    if (this.#open?.item === item.item) this.#open = null;
    if (this.#current?.item.item === item.item) this.#current = null;
    this.#since = 0;
    clearTimeout(this.#timer);
    this.#backoff.rest();
  }

  /** Sends what the server does not have yet. */
  async flush(options = {}) {
    const sent = this.#current;
    clearTimeout(this.#timer);
    if (!sent || (this.#busy && !options.keepalive)) return;
    this.#busy = true;
    this.#since = 0;
    try {
      await this.#put(sent.item.item, { sequence: sent.sequence, content: sent.content }, options);
      this.#backoff.rest();
      if (this.#current === sent) this.#current = null;
    } catch (error) {
      this.#failed(sent, error);
    } finally {
      this.#busy = false;
    }
    if (this.#current && this.#current !== sent) this.#plan();
  }

  #failed(sent, error) {
    if (error instanceof Unreachable) {
      this.#backoff.later(error.wait);
      return;
    }
    if (!(error instanceof Refused)) throw error;
    // The place was lost meanwhile, or nobody is signed in: the browser's copy stays, and the rating itself will tell.
    if (this.#current === sent) this.#current = null;
  }

  destroy() {
    this.#off.abort();
    clearTimeout(this.#timer);
    this.#backoff.destroy();
  }
}
