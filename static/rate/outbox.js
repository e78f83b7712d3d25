/**
 * Ratings on their way. Each is kept in the browser under a name of its own from the moment it is given until the server has
 * acknowledged it, so that a reload, a crash or a lost connection costs none. Tabs share them: one sends at a time, and a
 * token makes sure that a rating which is sent twice is one.
 */
import { Refused, Unreachable } from './api.js';
import { Backoff } from './backoff.js';
import * as shelf from './shelf.js';

const CHANNEL = 'saccade-rate';

/** What another tab has not sent after so many milliseconds, this one tries as well: the other may be gone. */
const PATIENCE = 2000;

export class Outbox {
  #rater;
  #events;
  #beginning;
  #busy = false;
  #gone = false;
  #afresh = false;
  #over = 0;
  #order = 0;
  #channel = 'BroadcastChannel' in globalThis ? new BroadcastChannel(CHANNEL) : null;
  #backoff = new Backoff(() => this.pump());
  #off = new AbortController();

  /** Why the last try failed; '' where it did not. */
  failure = '';
  /** True until somebody signs in again. */
  shut = false;

  /**
   * `events`: mine(again) -> whether this rater is still the one who is signed in, asked anew or as known; send(entry) -> answer,
   * changed(), acknowledged(entry, answer), elsewhere(message), signIn()
   */
  constructor(rater, events) {
    this.#rater = rater;
    this.#events = events;
    this.#beginning = shelf.nameOf('outbox', rater, '');
    const { signal } = this.#off;
    addEventListener('storage', ({ key }) => (key === null || key.startsWith(this.#beginning)) && this.#changedElsewhere(), { signal });
    this.#channel?.addEventListener('message', ({ data }) => data?.rater === rater && this.#events.elsewhere(data), { signal });
  }

  #changedElsewhere() {
    this.#events.changed();
    clearTimeout(this.#over);
    this.#over = setTimeout(() => !this.nextTry && this.pump(), PATIENCE);
  }

  #nameOf({ study, token }) {
    return shelf.nameOf('outbox', this.#rater, String(study), token);
  }

  /** All of this rater's, oldest first. */
  get entries() {
    const found = shelf.names(this.#beginning).map((name) => shelf.read(name)).filter((entry) => typeof entry?.token === 'string');
    return found.sort((a, b) => a.made - b.made || a.order - b.order);
  }

  /** Those that will still be sent. */
  get waiting() {
    return this.entries.filter((entry) => !entry.refused);
  }

  /** Those that the server will not take. */
  get refused() {
    return this.entries.filter((entry) => entry.refused);
  }

  get sending() {
    return this.#busy;
  }

  /** When the next try comes, as Date.now() counts; 0 where none is planned. */
  get nextTry() {
    return this.#backoff.at;
  }

  /** Keeps an entry ({ kind: 'rating' or 'undo', token, study, ... }; an undo is `of` a rating's token) and begins to send. */
  add(entry) {
    this.#order += 1;
    this.change({ ...entry, rater: this.#rater, made: Date.now(), order: this.#order });
    this.tell({ type: 'given', study: entry.study, item: entry.item, kind: entry.kind });
    this.pump();
  }

  /** Keeps an entry as it has become. */
  change(entry) {
    shelf.write(this.#nameOf(entry), entry);
    this.#events.changed();
  }

  drop(entry) {
    shelf.drop(this.#nameOf(entry));
    this.#events.changed();
  }

  /** A word to the other tabs of this rater. */
  tell(message) {
    this.#channel?.postMessage({ ...message, rater: this.#rater });
  }

  /** Sends what waits, here or in whichever tab is sending already. */
  async pump() {
    if (this.#busy || this.#gone || this.shut || !this.waiting.length) return;
    this.#busy = true;
    this.#events.changed();
    const drain = () => this.#drain();
    let sent = false;
    try {
      sent = await (navigator.locks ? navigator.locks.request(`${CHANNEL} ${this.#rater}`, drain) : drain());
    } finally {
      this.#busy = false;
      this.#events.changed();
    }
    const again = sent || this.#afresh;
    this.#afresh = false;
    if (again) this.pump();
  }

  /** Tries at once, whatever was planned; while something is on its way, once more after it. */
  retry() {
    this.shut = false;
    this.#afresh = this.#busy;
    this.#backoff.rest();
    return this.pump();
  }

  /** Whether all could be sent. */
  async #drain() {
    for (let entry = this.waiting[0]; entry && !this.#gone; entry = this.waiting[0]) {
      if (!entry.attempted) shelf.write(this.#nameOf(entry), { ...entry, attempted: true });
      if (!(await this.#send(entry))) return false;
    }
    return true;
  }

  /** False where sending has to stop for now. */
  async #send(entry) {
    try {
      // Tabs share a cookie: what one person gave must not be sent in another's name.
      if (!(await this.#events.mine(entry.attempted))) throw new Refused('Somebody else has signed in in this browser.', 401);
      if (this.#gone) return false;
      const answer = await this.#events.send(entry);
      shelf.drop(this.#nameOf(entry));
      if (this.#gone) return false;
      this.#backoff.rest();
      this.failure = '';
      this.tell({ type: 'saved', study: entry.study, item: entry.item, words: entry.words, kind: entry.kind, answer });
      this.#events.acknowledged(entry, answer);
      return true;
    } catch (error) {
      return this.#failed(entry, error);
    }
  }

  #failed(entry, error) {
    if (this.#gone && (error instanceof Unreachable || error.status === 401)) return false;
    if (error instanceof Unreachable) {
      this.failure = error.message;
      this.#backoff.later(error.wait);
      return false;
    }
    if (!(error instanceof Refused)) throw error;
    if (error.status === 401) {
      this.failure = error.message;
      // Whoever signed in while it was on its way need not do so again.
      this.shut = !this.#afresh;
      if (this.shut) this.#events.signIn();
      return false;
    }
    this.#refuse(entry, { status: error.status, sentence: error.message });
    this.#events.changed();
    return true;
  }

  /** What was refused is kept until somebody decides, unless there is nothing to decide. */
  #refuse(entry, refused) {
    const name = this.#nameOf(entry);
    // It may have been taken back while it was on its way: then its undo would take back the rating before it.
    const undone = shelf.read(name)?.undone;
    if (undone) for (const undo of this.entries.filter(({ of }) => of === entry.token)) shelf.drop(this.#nameOf(undo));
    if (undone || entry.kind === 'undo') shelf.drop(name);
    else shelf.write(name, { ...entry, attempted: true, refused });
  }

  /** Nothing more is sent; what waits stays where it is. */
  destroy() {
    this.#gone = true;
    this.#off.abort();
    clearTimeout(this.#over);
    this.#backoff.destroy();
    this.#channel?.close();
  }
}
