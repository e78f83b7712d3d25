/**
 * What happens in a run, as it happens. The server tells every event with its number, so that a connection that broke goes on where it
 * stood; while nobody looks, none is held open: a browser has few of them for all its windows.
 */
import { ownUrl } from '../viewer/api.js';
import { Backoff } from '../rate/backoff.js';

export class Feed {
  #run;
  #events;
  #source = null;
  #over = false;
  #retry = new Backoff(() => this.#events.retry());

  /** The number of the last event that is known. */
  after = 0;

  /** `events`: summary(value), draw(value), end(value), lost(whether), retry() when it is time to look whether the server is back */
  constructor(run, events) {
    this.#run = run;
    this.#events = events;
  }

  open() {
    if (this.#source || this.#over) return;
    const source = new EventSource(ownUrl(`api/runs/${encodeURIComponent(this.#run)}/events?after=${this.after}`));
    this.#source = source;
    for (const name of ['summary', 'draw', 'end']) source.addEventListener(name, (event) => this.#heard(name, event));
    source.addEventListener('open', () => this.#isBack());
    source.addEventListener('error', () => this.#broke(source));
  }

  /** Nobody looks: the run goes on without. */
  rest() {
    this.#retry.rest();
    this.#source?.close();
    this.#source = null;
  }

  close() {
    this.#over = true;
    this.rest();
    this.#retry.destroy();
  }

  #heard(name, { data, lastEventId }) {
    if (/^\d+$/.test(lastEventId)) this.after = Math.max(this.after, Number(lastEventId));
    const value = JSON.parse(data);
    if (name === 'end') this.close();
    this.#events[name](value);
  }

  #isBack() {
    this.#retry.rest();
    this.#events.lost(false);
  }

  /** The browser tries again by itself after a break, but not after an answer that refuses: then it is tried again from here. */
  #broke(source) {
    if (source !== this.#source) return;
    this.#events.lost(true);
    if (source.readyState !== EventSource.CLOSED) return;
    this.#source = null;
    this.later();
  }

  /** Tries again after a while, each time a longer one. */
  later() {
    this.#retry.later();
  }
}
