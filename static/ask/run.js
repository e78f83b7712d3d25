/** A run as this page knows it: how it stands, and what there is of each draw. Tells of changes at most once a frame. */
import { getJson } from '../viewer/api.js';
import { Feed } from './feed.js';
import { isOver } from './words.js';

export class Run {
  summary = null;
  draws = [];
  /** True while the server cannot be reached. */
  lost = false;
  /** Why nothing more will come of a run whose end was not told; empty otherwise. */
  gone = '';
  #feed;
  #events;
  #changed = new Set();
  #frame = 0;

  /** `events`: begun(run) once it is known, changed(run, draws) after every change, `draws` being those with news, gone(error) */
  constructor(id, events) {
    this.id = id;
    this.#events = events;
    this.#feed = new Feed(id, {
      summary: (summary) => this.#take({ summary }),
      draw: (draw) => this.#take({ draws: [draw] }),
      end: (summary) => this.#take({ summary }),
      lost: (lost) => this.#lose(lost),
      retry: () => this.#retry(),
    });
  }

  /** What there is of it now, from where its events go on. Throws what the server says. */
  async #fetch() {
    const { summary, draws, after } = await getJson(`api/runs/${encodeURIComponent(this.id)}`);
    if (!this.#feed) return;
    this.#feed.after = after;
    this.#take({ summary, draws });
  }

  /** After a break: a server that is back may have ended the run meanwhile, or not know it any more. */
  async #retry() {
    try {
      await this.#fetch();
    } catch (error) {
      if (error.status === undefined) return this.#feed?.later();
      this.gone = error.message;
    }
    this.#lose(false);
    if (!this.over && !this.gone) this.#feed?.open();
    return undefined;
  }

  /** Asks for what there is, then listens for what comes. */
  async open() {
    try {
      await this.#fetch();
      if (!this.#feed) return;
      this.#events.begun(this);
      this.#tell();
    } catch (error) {
      this.#events.gone(error, this);
      return;
    }
    if (!this.over) this.#feed.open();
  }

  get over() {
    return isOver(this.summary?.state);
  }

  /** Whether a right answer is known, so that draws are right or wrong. */
  get scored() {
    return this.summary.truth !== null;
  }

  get ended() {
    return this.draws.filter((draw) => draw && isOver(draw.state));
  }

  #take({ summary = null, draws = [] }) {
    if (summary?.run) {
      this.summary = summary;
      this.#changed.add(-1);
    }
    for (const draw of draws) {
      const live = !isOver(draw.state);
      this.draws[draw.draw] = { ...draw, view: draw.view && { ...draw.view, live } };
      this.#changed.add(draw.draw);
    }
    if (this.summary) this.#frame ||= requestAnimationFrame(() => this.#tell());
  }

  #lose(lost) {
    if (lost === this.lost) return;
    this.lost = lost;
    this.#frame ||= requestAnimationFrame(() => this.#tell());
  }

  #tell() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const draws = [...this.#changed].filter((number) => number >= 0);
    this.#changed.clear();
    this.#events.changed(this, draws);
  }

  /** Somebody looks, or nobody: the run goes on either way. */
  watch(seen) {
    if (!this.summary || this.over || this.gone) return;
    if (seen) this.#feed?.open();
    else this.#feed?.rest();
  }

  close() {
    cancelAnimationFrame(this.#frame);
    this.#feed.close();
    this.#feed = null;
  }
}
