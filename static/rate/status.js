/** Whether ratings are saved: said only when they are, and in sight for as long as they are not. */
import { button, el, fill } from '../viewer/dom.js';
import { icon } from './icons.js';
import { durable } from './shelf.js';
import { clock, plural } from './words.js';

const APART = {
  surplus: 'Kept: this step already had all the ratings it needs.',
  set_apart: 'Kept, but set apart: the step or the questions have changed since.',
};

const LOST = 'Keep this page open: this browser keeps nothing once it is closed.';

export class Status {
  #line = el('p', { class: 'rt-saved' });
  #buttons = el('div', { class: 'rt-tools' });
  #trouble = el('div', { class: 'rt-troubles' });
  #live;
  #saved = null;
  #outbox = null;
  #undo;
  #try;
  #shown = '';
  #tick = 0;

  /** `events`: undo(), retry(), reopen(entry), discard(entry); `live` says words to a screen reader. */
  constructor(keymap, events, live) {
    this.keymap = keymap;
    this.events = events;
    this.#live = live;
    this.#undo = button([icon('undo'), 'Undo', el('kbd', {})], () => events.undo(), { class: 'rt-undo' });
    this.#try = button(['Try now', el('kbd', {})], () => events.retry());
    this.node = el('section', { class: 'rt-status', 'aria-label': 'Saving' }, el('div', { class: 'rt-row' }, this.#line, this.#buttons), this.#trouble);
  }

  watch(outbox) {
    this.#outbox = outbox;
    clearInterval(this.#tick);
    this.#tick = setInterval(() => outbox.nextTry && this.show(), 500);
    this.show();
  }

  /** Another study: what was saved before is not its own. */
  forget() {
    this.#saved = null;
    this.#shown = '';
    this.show();
  }

  /** Another rating is on the disk. */
  saved({ words, answer, kind }) {
    this.#saved = kind === 'undo' ? { words: `${words} taken back`, at: answer.at ?? null } : { words, at: answer.saved_at, revision: answer.rating?.revision ?? 1, standing: answer.standing };
    this.show();
  }

  show() {
    const { waiting, refused, failure, nextTry, shut } = this.#outbox;
    const failing = failure && waiting.length;
    this.node.classList.toggle('is-failing', Boolean(failing));
    if (failing) this.#failing(waiting.length, nextTry, failure, shut);
    else if (waiting.length) fill(this.#line, icon('wait'), `Saving ${waiting.length > 1 ? plural(waiting.length, 'rating') : this.#lower(waiting[0].words)}…`);
    else this.#quiet();
    fill(this.#buttons, failing ? this.#try : null, this.#undo);
    this.#undo.querySelector('kbd').textContent = this.keymap.label('undo');
    this.#try.querySelector('kbd').textContent = this.keymap.label('retry');
    this.#refusals(refused);
  }

  #lower(words) {
    return words.replace(/^Trace/, 'trace');
  }

  #failing(number, nextTry, failure, shut) {
    const seconds = Math.max(0, Math.ceil((nextTry - Date.now()) / 1000));
    const again = shut ? 'sign in again to save' : seconds ? `trying again in ${seconds} s` : 'trying again now';
    fill(this.#line, icon('warning'), el('span', {}, el('strong', { text: `${plural(number, 'rating')} not saved yet` }), `, ${again}.`, el('span', { class: 'rt-why', text: ` ${failure} ${durable() ? 'Go on: nothing is lost.' : LOST}` })));
    this.#say(`${plural(number, 'rating')} not saved yet. ${failure} It is tried again; ${durable() ? 'nothing is lost.' : LOST}`);
  }

  #quiet() {
    if (!this.#saved) {
      fill(this.#line, el('span', { class: 'sc-quiet', text: 'Ratings are saved as you go.' }));
      return;
    }
    const { words, at, revision, standing } = this.#saved;
    const which = revision > 1 ? ` (revision ${revision})` : '';
    const time = at ? ` saved ${clock(at)}` : '';
    fill(this.#line, icon('check'), el('span', {}, `${words}${time}${which}`, APART[standing] ? el('span', { class: 'rt-why', text: ` ${APART[standing]}` }) : null));
    this.#say(`${words}${time}${which}. ${APART[standing] ?? ''}`);
  }

  /** To a screen reader, once each: the countdown is not read out. */
  #say(words) {
    if (words === this.#shown) return;
    this.#shown = words;
    this.#live(words);
  }

  /** Ratings that the server will not take, until the person decides. */
  #refusals(refused) {
    if (this.#trouble.dataset.tokens === refused.map(({ token }) => token).join()) return;
    this.#trouble.dataset.tokens = refused.map(({ token }) => token).join();
    fill(this.#trouble, refused.map((entry) => this.#refusal(entry)));
    if (refused.length) this.#live(`${refused.at(-1).words} was not taken: ${refused.at(-1).refused.sentence}`);
  }

  #refusal(entry) {
    const sure = button('Discard', () => {
      if (sure.dataset.sure) this.events.discard(entry);
      sure.dataset.sure = 'yes';
      sure.textContent = 'Really discard?';
    });
    return el(
      'div',
      { class: 'rt-trouble', 'data-token': entry.token },
      el('p', {}, icon('warning'), el('span', {}, el('strong', { text: `${entry.words} was not taken. ` }), entry.refused.sentence)),
      el('div', { class: 'rt-tools' }, button('Open it again', () => this.events.reopen(entry)), button('Send again', () => this.events.again(entry)), sure),
    );
  }

  destroy() {
    clearInterval(this.#tick);
  }
}
