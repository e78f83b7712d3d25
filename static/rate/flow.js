/** One study, rated by one person: which step is shown, what happens to a rating, and the way back. */
import { button } from '../viewer/dom.js';
import { newToken, Refused, Unreachable } from './api.js';
import { Done, Waiting } from './done.js';
import { Guide } from './guide.js';
import { Mine } from './mine.js';
import { Queue } from './queue.js';
import * as shelf from './shelf.js';
import { menuEntries } from './side.js';
import { Trial } from './trial.js';
import { day, stepName } from './words.js';

/** How often it is looked whether a step's lease has to be renewed, in milliseconds. */
const BEAT = 60_000;

export class Flow {
  #house;
  #given = [];
  #idle = true;
  #beat = 0;
  #saved = 0;
  #off = new AbortController();

  /** `house`: the app, with its session, keymap, preferences, assets, outbox, drafts and statuses. */
  constructor(study, house) {
    this.study = study;
    this.progress = study.progress;
    this.#house = house;
    this.queue = new Queue({
      fetch: (number) => this.#fetch(number),
      answered: (answer) => this.#answered(answer),
      changed: () => this.#arrived(),
      current: () => (this.#idle ? null : this.trial.item.item),
      prepare: (item) => house.assets.prepare(item),
    });
    for (const { item } of house.outbox.entries.filter((entry) => entry.study === study.id && entry.kind === 'rating' && !entry.undone)) this.queue.give(item);
    const { keymap, assets, preferences, session: { rater } } = house;
    const menu = () => menuEntries(keymap, (action) => house.run(action), { rater: rater.name, guarded: house.session.guarded, unsent: house.outbox.waiting.length });
    const tools = { keymap, assets, preferences, status: house.statuses[0], live: (words) => house.live(words), who: { study: study.name, rater: rater.name }, menu };
    this.trial = new Trial(study, tools, { submitted: (judgement) => this.#submitted(judgement), changed: (content) => this.#changed(content), run: (action) => house.run(action) });
    this.#beat = setInterval(() => this.#renew(), BEAT);
    document.addEventListener('visibilitychange', () => !document.hidden && this.#idle && this.queue.refill(), { signal: this.#off.signal });
  }

  get #readName() {
    return shelf.nameOf('read', this.#house.session.rater.name, String(this.study.id));
  }

  /** The instructions come first, once for each version of the guideline. */
  start() {
    const read = shelf.read(this.#readName);
    this.queue.refill();
    if (read === this.study.version) this.#next();
    else this.#guide({ changed: typeof read === 'number' });
  }

  #guide({ changed = false } = {}) {
    const done = () => {
      shelf.write(this.#readName, this.study.version);
      this.#next();
    };
    this.#house.show(new Guide(this.study, done, { changed, begun: !this.#idle || this.progress.done > 0 }));
  }

  /** Back to the step that is open, else on to the next one. */
  #next() {
    if (!this.#idle) return this.#house.show(this.trial);
    const item = this.queue.take();
    if (item) return this.#open(item);
    if (!this.queue.dry && !this.queue.failure) this.queue.refill();
    return this.#nothing();
  }

  #open(item, content = this.#house.drafts.load(item), options = {}) {
    this.#idle = false;
    this.trial.side.setNote('');
    this.trial.show(item, content, options);
    this.#line();
    this.#house.show(this.trial);
  }

  #nothing() {
    const { queue } = this;
    if (queue.dry && !queue.failure && !queue.asking) return this.#done();
    const tools = { keymap: this.#house.keymap, status: this.#house.statuses[1].node, failure: () => queue.failure, nextTry: () => queue.nextTry, retry: () => this.retry() };
    return this.#house.screen.name === 'waiting' ? undefined : this.#house.show(new Waiting(tools));
  }

  async #done() {
    const { keymap, statuses } = this.#house;
    const screen = new Done(this.study, { keymap, status: statuses[1].node, run: (action) => this.#house.run(action) });
    screen.show(this.progress);
    this.#house.show(screen);
    const studies = await this.#house.studies().catch(() => []);
    this.study.closed = studies.find(({ id }) => id === this.study.id)?.closed ?? this.study.closed;
    screen.show(this.progress, studies.filter(({ id, open, closed }) => id !== this.study.id && open && !closed).length);
  }

  /** Steps to come. How far one is, as they tell it, is older than what a rating that was saved meanwhile has told. */
  async #fetch(number) {
    const saved = this.#saved;
    const answer = await this.#house.ask('POST', `api/rating/studies/${this.study.id}/next`, { count: number });
    return saved === this.#saved ? answer : { ...answer, progress: this.progress };
  }

  /** New steps have come, or none. */
  #arrived() {
    if (this.#idle && ['waiting', 'done'].includes(this.#house.screen.name) && (this.queue.ahead.length || this.#house.screen.name === 'waiting')) this.#next();
  }

  #answered({ progress, version, items }) {
    this.#setProgress(progress);
    const same = items.find(({ item }) => !this.#idle && item === this.trial.item.item);
    if (same) this.trial.item.until = same.until;
    if (version !== this.study.version) this.#newGuideline();
  }

  #setProgress(progress) {
    this.progress = progress;
    this.#line();
    if (this.#house.screen.name === 'done') this.#house.screen.show(progress);
  }

  /** The line above the picture, which counts what is on its way as well. */
  #line() {
    if (this.#idle) return;
    const unsent = this.#house.outbox.waiting.filter(({ study, kind, first }) => study === this.study.id && kind === 'rating' && first).length;
    this.trial.progress.show(this.trial.item, this.progress, unsent, this.study.version);
  }

  /** The guideline changed while somebody rates: it is shown again, and what has been begun stays. */
  async #newGuideline() {
    try {
      this.study = await fetchStudy((...words) => this.#house.ask(...words), this.study.id);
      const fresh = this.#idle ? null : await this.#house.ask('GET', `api/rating/items/${this.trial.item.item}`);
      if (fresh && fresh.item === this.trial.item?.item) this.trial.item = fresh;
      this.trial.setStudy(this.study);
      this.#line();
      this.#guide({ changed: true });
    } catch (error) {
      if (!(error instanceof Refused || error instanceof Unreachable)) throw error;
      this.#house.say(`The guideline has changed and could not be fetched. ${error.message}`);
    }
  }

  #changed(content) {
    // A rating that counts is changed by another rating only: a draft would make the server ask for it again.
    if (!this.trial.change) this.#house.drafts.save(this.trial.item, content);
  }

  // Giving, taking back, changing

  #submitted(judgement) {
    const { item, change } = this.trial;
    const { draft: _, ...view } = item;
    const entry = { kind: 'rating', token: newToken(), study: this.study.id, item: item.item, version_id: item.version_id, trace: item.trace, judgement, words: stepName(item), first: !change, view };
    this.#house.drafts.drop(item);
    this.queue.give(item.item);
    this.#given.push(entry);
    this.#idle = true;
    this.trial.clock.pause();
    this.#house.outbox.add(entry);
    if (change) this.mine();
    else this.#next();
  }

  acknowledged(entry, answer) {
    this.queue.settle(entry.item);
    if (entry.study !== this.study.id) return;
    this.#saved += 1;
    if (answer.progress) this.#setProgress(answer.progress);
    if (entry.kind === 'undo') this.#undone(entry, answer.item);
    if (this.#idle || entry.kind === 'undo') this.queue.refill();
    if (this.#house.screen.name === 'mine') this.#house.screen.load(1);
  }

  /**
   * The server has put the former answers into its draft; what has been changed since is newer. Where it took back another
   * rating than the one that was meant, because more was given elsewhere, that one comes next.
   */
  #undone({ item }, taken) {
    if (taken.item !== item) this.queue.reopen(taken.item);
    else if (!this.#idle && this.trial.item.item === item && !this.trial.change) this.#changed(this.trial.judging.content());
  }

  /** Something was given, saved or taken back in another tab. */
  elsewhere({ type, kind, study, item, answer }) {
    if (study !== this.study.id) return;
    if (type === 'saved') {
      this.acknowledged({ item, study, kind }, answer);
    } else if (kind === 'undo') {
      this.queue.reopen(item);
    } else {
      this.queue.give(item);
      if (this.#idle || this.trial.item.item !== item || this.trial.change) return;
      this.#idle = true;
      this.#house.say('This step was rated in another tab.');
      if (this.#house.screen === this.trial) this.#next();
    }
  }

  /** Another tab has written more of what is open here. */
  newer(item) {
    if (this.#idle || this.trial.item.item !== item.item || this.trial.change || document.hasFocus()) return;
    const content = this.#house.drafts.load(this.trial.item);
    if (content) this.trial.show(this.trial.item, content);
  }

  /** The last rating is taken back: at once where this page knows it, and on the server as soon as it is reached. */
  async undo() {
    const { outbox } = this.#house;
    const own = ({ kind, study, refused, undone }) => kind === 'rating' && study === this.study.id && !refused && !undone;
    const unsent = outbox.entries.filter(own).at(-1);
    // What the server refused is not there to be taken back.
    const refused = new Set(outbox.refused.map(({ token }) => token));
    const last = unsent ?? this.#given.filter(({ token }) => !refused.has(token)).at(-1);
    if (!last) return this.#undoThere();
    this.forget(last);
    if (unsent && !unsent.attempted) outbox.drop(unsent);
    else {
      if (unsent) outbox.change({ ...unsent, undone: true });
      outbox.add({ kind: 'undo', of: last.token, token: newToken(), study: this.study.id, item: last.item, words: last.words });
    }
    this.#reopen(last.view, last.judgement);
    return true;
  }

  /** There is no such rating any more. */
  forget({ token }) {
    this.#given = this.#given.filter((one) => one.token !== token);
  }

  /** After a reload only the server knows which rating was the last. */
  async #undoThere() {
    try {
      const { item, progress } = await this.#house.ask('POST', `api/rating/studies/${this.study.id}/undo`, { token: newToken() });
      this.#setProgress(progress);
      this.#house.taken({ kind: 'undo', words: stepName(item) });
      this.#reopen(item, item.draft?.content ?? item.rating?.judgement ?? null);
    } catch (error) {
      if (!(error instanceof Refused || error instanceof Unreachable)) throw error;
      this.#house.say(error.status === 404 ? 'There is nothing to take back.' : `It could not be taken back. ${error.message}`);
    }
  }

  /** Shows a step again with what was said about it; the one that is open comes after it. */
  #reopen(item, content) {
    this.#setAside();
    this.queue.reopen(item.item);
    this.#open(item, content);
    this.#house.drafts.save(item, this.trial.judging.content());
    this.#house.live(`${stepName(item)} taken back. Change it, then submit it again.`);
  }

  #setAside() {
    if (!this.#idle && !this.trial.change) this.queue.putBack({ ...this.trial.item, draft: null });
    this.#idle = true;
  }

  /** A rating that the server refused, opened with what was said. */
  reopenRefused(entry) {
    this.#house.outbox.drop(entry);
    this.forget(entry);
    this.#reopen(entry.view, entry.judgement);
  }

  mine() {
    const { outbox } = this.#house;
    const waiting = () => outbox.entries.filter(({ kind, study, undone }) => kind === 'rating' && study === this.study.id && !undone).reverse();
    const fetch = (page) => this.#house.ask('GET', `api/rating/studies/${this.study.id}/mine?page=${page}`);
    this.#house.show(new Mine(this.study, { fetch, waiting, open: (item) => this.#change(item), leave: () => this.#next() }));
  }

  async #change(id) {
    const { screen } = this.#house;
    try {
      const item = await this.#house.ask('GET', `api/rating/items/${id}`);
      // Whoever has left the list meanwhile wants it no more.
      if (this.#house.screen !== screen) return undefined;
      if (!this.#idle && this.trial.item.item === id) return this.#house.show(this.trial);
      this.#setAside();
      const { rating } = item;
      if (!rating || rating.kind === 'withdrawn') return this.#open(item);
      this.#open(item, rating.judgement, { change: true });
      const words = `You are changing your rating of ${day(rating.at)}${rating.revision > 1 ? ` (revision ${rating.revision})` : ''}. The former one is kept beside it.`;
      this.trial.side.setNote(words, button('Leave it as it is', () => this.leave()));
    } catch (error) {
      if (!(error instanceof Refused || error instanceof Unreachable)) throw error;
      this.#house.say(`It could not be opened. ${error.message}`);
    }
    return undefined;
  }

  /** Out of a change, back to the list; there is nothing else to leave. */
  leave() {
    if (this.#idle || !this.trial.change) return false;
    this.#idle = true;
    this.mine();
    return true;
  }

  /** Keys have changed: every cap and hint says the new ones. */
  redraw() {
    this.trial.refresh();
    this.#line();
  }

  guide() {
    if (this.#house.screen.name === 'guide') this.#next();
    else this.#guide();
  }

  /** After a failure, or a new sign-in. */
  retry() {
    this.queue.refill();
  }

  /** A lease that is half over is renewed while somebody is there. */
  #renew() {
    if (this.#idle || document.hidden) return;
    const { item } = this.trial;
    item.span ??= Date.parse(item.until) - Date.now();
    if (Date.parse(item.until) - Date.now() < item.span / 2) this.queue.refill();
  }

  destroy() {
    clearInterval(this.#beat);
    this.#off.abort();
    this.queue.destroy();
    this.trial.destroy();
  }
}

/** A study with its guideline: { id, name, version, closed, progress, instructions, examples, questions, circle, ... } */
export async function fetchStudy(request, id) {
  const { guideline, ...study } = await request('GET', `api/rating/studies/${id}`);
  return { ...guideline, ...study };
}
