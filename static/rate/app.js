/** The whole page: who rates, which study, what is on the screen; and what goes on in the background whatever is shown. */
import { el, fill } from '../viewer/dom.js';
import { ask, Refused, Unreachable } from './api.js';
import { Assets } from './assets.js';
import { Drafts } from './drafts.js';
import { fetchStudy, Flow } from './flow.js';
import { Keymap } from './keymap.js';
import { Keys } from './keys.js';
import { KeySheet } from './keysheet.js';
import { Outbox } from './outbox.js';
import { Preferences } from './preferences.js';
import { Problem } from './problem.js';
import { SignIn } from './session.js';
import * as shelf from './shelf.js';
import { Status } from './status.js';
import { Studies } from './studies.js';

/** What may be done from a screen that shows no step. */
const ELSEWHERE = {
  guide: new Set(['keys', 'guide']), mine: new Set(['keys', 'mine', 'studies', 'guide', 'retry']), studies: new Set(['keys']),
  done: new Set(['undo', 'guide', 'mine', 'studies', 'keys', 'retry']), waiting: new Set(['undo', 'guide', 'mine', 'studies', 'keys', 'retry']),
};

export class App {
  #root;
  #frame = el('div', { class: 'rt-app' });
  #live = el('p', { class: 'sc-hidden', 'aria-live': 'polite' });
  #toast = el('p', { class: 'sc-toast', role: 'status' });
  #again = el('dialog', { class: 'sc-dialog rt-again', 'aria-label': 'Sign in again' });
  #said = 0;
  #guarding = false;
  #sure = false;
  #signings = 0;
  #off = new AbortController();
  #leaving = (event) => event.preventDefault();
  screen = { name: '', node: null };
  assets = new Assets();
  keymap = new Keymap();
  session = null;
  flow = null;

  constructor(root) {
    this.#root = root;
    root.append(this.#frame, this.#again, this.#live, this.#toast);
    this.#again.addEventListener('cancel', (event) => event.preventDefault());
    addEventListener('focus', () => this.#lookAgain(), { signal: this.#off.signal });
    document.addEventListener('visibilitychange', () => { this.#sure = false; }, { signal: this.#off.signal });
    this.keys = new Keys(root, (name) => this.#pressed(name), () => this.awake);
    this.start();
  }

  /** False while the page is hidden behind another tab, a dialog or a menu. */
  get awake() {
    return this.#root.checkVisibility() && !this.#root.querySelector('dialog[open], .sc-menu-list:not([hidden])');
  }

  /** As the server is asked everywhere: where the session has ended, the person signs in again and nothing is lost. */
  async ask(method, path, value, options) {
    const began = this.#signings;
    try {
      return await ask(method, path, value, options);
    } catch (error) {
      if (!(error instanceof Refused && error.status === 401)) throw error;
      // Whoever signed in while the answer was on its way need not do so again.
      if (began !== this.#signings) return this.ask(method, path, value, options);
      this.#signInAgain();
      throw error;
    }
  }

  show(screen) {
    if (this.screen === screen) return;
    this.screen.pause?.();
    if (this.screen.name !== 'trial') this.screen.destroy?.();
    this.screen = screen;
    fill(this.#frame, screen.node);
    this.#frame.dataset.screen = screen.name;
    screen.resume?.();
    screen.focus?.();
  }

  async start() {
    await this.#try(async () => {
      this.session = await ask('GET', 'api/session');
      if (this.session.rater) await this.#signedIn();
      else this.#signIn();
    }, () => this.start());
  }

  /** Runs what needs the server; where that fails, it says so and offers to do it again. */
  async #try(run, again) {
    try {
      await run();
    } catch (error) {
      if (!(error instanceof Refused || error instanceof Unreachable)) throw error;
      if (error.status === 401) this.#signIn();
      else this.show(new Problem(error, again));
    }
  }

  #signIn() {
    this.#close();
    this.show(new SignIn(this.session ?? { guarded: true }, (session) => {
      this.session = session;
      this.#try(() => this.#signedIn(), () => this.start());
    }));
  }

  async #signedIn() {
    const { name } = this.session.rater;
    this.#close();
    this.preferences = new Preferences(name, this.keymap);
    this.sheet?.node.remove();
    this.sheet = new KeySheet(this.keymap, this.preferences, () => this.#keysChanged());
    this.#root.append(this.sheet.node);
    this.drafts = new Drafts(name, {
      put: (item, body, options) => ask('PUT', `api/rating/items/${item}/draft`, body, options),
      newer: (item) => this.flow?.newer(item),
    });
    this.outbox = new Outbox(name, {
      mine: (again) => this.#isMine(again),
      send: (entry) => this.#send(entry),
      changed: () => this.#unsentChanged(),
      acknowledged: (entry, answer) => this.#acknowledged(entry, answer),
      elsewhere: (message) => this.#elsewhere(message),
      signIn: () => this.#signInAgain(),
    });
    const events = { undo: () => this.run('undo'), retry: () => this.run('retry'), reopen: (entry) => this.#reopen(entry), again: (entry) => this.#sendAgain(entry), discard: (entry) => this.#discard(entry) };
    this.statuses = [new Status(this.keymap, events, (words) => this.live(words)), new Status(this.keymap, events, () => {})];
    for (const status of this.statuses) status.watch(this.outbox);
    await this.preferences.load();
    this.outbox.pump();
    await this.#choose();
  }

  #send({ kind, study, token, item, version_id, trace, judgement }) {
    if (kind === 'undo') return ask('POST', `api/rating/studies/${study}/undo`, { token });
    return ask('POST', 'api/rating/ratings', { token, item, version_id, trace, judgement });
  }

  #acknowledged(entry, answer) {
    this.taken({ words: entry.words, answer, kind: entry.kind });
    this.flow?.acknowledged(entry, answer);
  }

  /** Says that something is on the disk. */
  taken({ words, answer = {}, kind }) {
    for (const status of this.statuses) status.saved({ words, answer, kind });
  }

  #elsewhere(message) {
    if (message.type === 'saved') this.taken(message);
    this.flow?.elsewhere(message);
  }

  /** Leaving asks first only while something is not saved. */
  #unsentChanged() {
    for (const status of this.statuses ?? []) status.show();
    const unsent = this.outbox?.waiting.length > 0;
    if (unsent === this.#guarding) return;
    this.#guarding = unsent;
    globalThis[unsent ? 'addEventListener' : 'removeEventListener']('beforeunload', this.#leaving);
  }

  async #reopen(entry) {
    if (this.flow?.study.id !== entry.study) await this.#openStudy(entry.study);
    if (this.flow?.study.id === entry.study) this.flow.reopenRefused(entry);
  }

  /** The server never took it: the step may be asked again. */
  #discard(entry) {
    this.outbox.drop(entry);
    if (this.flow?.study.id !== entry.study) return;
    this.flow.forget(entry);
    this.flow.queue.reopen(entry.item);
    this.flow.retry();
  }

  #sendAgain({ refused: _, ...entry }) {
    this.outbox.change(entry);
    this.outbox.retry();
  }

  // Studies

  get #chosenName() {
    return shelf.nameOf('study', this.session.rater.name);
  }

  async studies() {
    return (await this.ask('GET', 'api/rating/studies')).studies;
  }

  /** The study that the address names, else the one that was open last, else the only one there is. */
  async #choose() {
    const wanted = Number(new URLSearchParams(location.search).get('study')) || shelf.read(this.#chosenName);
    const studies = await this.studies();
    const open = studies.filter(({ closed }) => !closed);
    const chosen = studies.find(({ id }) => id === wanted) ?? (open.length === 1 ? open[0] : null);
    if (chosen) await this.#openStudy(chosen.id);
    else this.#list(studies);
  }

  #list(studies) {
    this.#leaveStudy();
    this.show(new Studies(studies, ({ id }) => this.#openStudy(id)));
  }

  async #toStudies() {
    await this.#try(async () => {
      const studies = await this.studies();
      shelf.drop(this.#chosenName);
      this.#list(studies);
    }, () => this.#toStudies());
  }

  #leaveStudy() {
    this.drafts?.flush();
    this.flow?.destroy();
    if (this.flow) this.#tellStudy('');
    this.flow = null;
  }

  /** The page around may have a place for the study's name. */
  #tellStudy(name) {
    dispatchEvent(new CustomEvent('saccade-study', { detail: { name } }));
  }

  async #openStudy(id) {
    await this.#try(async () => {
      const study = await fetchStudy((...words) => this.ask(...words), id);
      this.#leaveStudy();
      shelf.write(this.#chosenName, id);
      for (const status of this.statuses) status.forget();
      this.flow = new Flow(study, this);
      this.#tellStudy(study.name);
      this.flow.start();
    }, () => this.#openStudy(id));
  }

  // The session

  /** Whether the session is still this rater's: in another tab somebody else may have signed in. */
  async #isMine(again = false) {
    if (this.#sure && !again) return true;
    const { name } = this.session.rater;
    const began = this.#signings;
    const now = await ask('GET', 'api/session');
    if (began !== this.#signings) return this.#isMine(true);
    this.#sure = now.rater?.name === name;
    return this.#sure;
  }

  /** Whoever comes back to this tab may have been somebody else in another. */
  async #lookAgain() {
    this.#sure = false;
    if (!this.outbox) return;
    try {
      if (!(await this.#isMine())) this.#signInAgain();
    } catch (error) {
      // Without an answer nothing is known, and nothing can be sent either.
      if (!(error instanceof Refused || error instanceof Unreachable)) throw error;
    }
  }

  /** The session has ended in the middle of something: what is on the screen stays, and everything goes on afterwards. */
  #signInAgain() {
    this.#sure = false;
    if (this.#again.open || !this.session?.rater || !this.outbox) return;
    const { name } = this.session.rater;
    const form = new SignIn(this.session, (session) => this.#back(session, name), { again: name });
    fill(this.#again, form.node);
    this.#again.showModal();
    form.focus();
  }

  #back(session, name) {
    this.#again.close();
    this.session = session;
    this.#signings += 1;
    if (session.rater.name !== name) {
      this.#try(() => this.#signedIn(), () => this.start());
      return;
    }
    this.outbox.retry();
    this.drafts.flush();
    this.flow?.retry();
  }

  async #signOut() {
    await this.#try(async () => {
      await this.drafts.flush();
      this.#sure = false;
      await ask('DELETE', 'api/session');
      dispatchEvent(new Event('saccade-session'));
      this.#close();
      await this.start();
    }, () => this.start());
  }

  /** Ends everything of one person; what is not saved stays in the browser for them. */
  #close() {
    this.#leaveStudy();
    this.outbox?.destroy();
    this.drafts?.destroy();
    for (const status of this.statuses ?? []) status.destroy();
    removeEventListener('beforeunload', this.#leaving);
    this.#guarding = false;
    this.outbox = null;
    this.drafts = null;
  }

  // Keys, and what is said

  #pressed(name) {
    if (this.screen.key?.(name)) return true;
    const action = this.keymap.action(name);
    return ELSEWHERE[this.screen.name]?.has(action) ? this.run(action) : false;
  }

  /** Does what concerns the whole page; false where it is of no use now. */
  run(action) {
    const does = {
      keys: () => this.sheet.open(),
      guide: () => this.flow?.guide(),
      mine: () => (this.screen.name === 'mine' ? this.screen.leave() : this.flow?.mine()),
      studies: () => this.#toStudies(),
      undo: () => this.flow?.undo(),
      retry: () => this.#retry(),
      leave: () => this.flow?.leave(),
      preferences: () => this.preferences.save(),
      out: () => this.#signOut(),
    }[action];
    return does ? does() !== false : false;
  }

  #retry() {
    this.outbox.retry();
    this.flow?.retry();
  }

  #keysChanged() {
    for (const status of this.statuses) status.show();
    if (this.screen.name === 'trial') this.flow.redraw();
  }

  live(words) {
    this.#live.textContent = words;
  }

  /** A word that passes, for eye and ear. */
  say(words) {
    this.#toast.textContent = words;
    this.#toast.classList.add('is-shown');
    clearTimeout(this.#said);
    this.#said = setTimeout(() => this.#toast.classList.remove('is-shown'), 4000);
  }

  destroy() {
    this.#off.abort();
    this.#close();
    this.keys.destroy();
  }
}
