/** What is tried out before it begins: two buttons, and what the trial said. What may begin is what was tried, to the letter. */
import { sendJson } from './api.js';
import { button, el, fill } from './dom.js';

export class Rehearsal {
  #events;
  #labels;
  #tried = '';
  #busy = null;

  /**
   * `labels`: { dry, key, said, trying, hint } in words; `events`: path(part) -> address, wish() -> what is sent, key() -> what must not
   * change between trial and beginning, ready() -> whether there is something to try, begun(answer).
   */
  constructor(labels, events) {
    this.#labels = labels;
    this.#events = events;
    this.said = el('div', { class: 'st-said', role: 'status' });
    this.dry = button(labels.dry, () => this.#rehearse(), { 'data-key': labels.key });
    this.begin = button('Begin', () => this.#begin(), { class: 'st-primary', 'data-key': 'start' });
    this.node = el('div', { class: 'sc-group' }, this.dry, this.begin);
  }

  /** Something may have changed. */
  changed() {
    const still = !this.#events.ready() || Boolean(this.#busy);
    this.dry.disabled = still;
    this.begin.disabled = still || this.#tried !== this.#events.key();
    this.begin.title = this.begin.disabled ? this.#labels.hint : '';
  }

  say(words, wrong = false, command = '') {
    fill(
      this.said,
      words ? el('pre', { class: wrong ? 'st-words is-wrong' : 'st-words', tabindex: '0', role: 'region', 'aria-label': this.#labels.said, text: words }) : [],
      command ? el('p', { class: 'st-hint' }, 'The same by hand: ', el('code', { class: 'st-by-hand', text: command })) : [],
    );
  }

  /** Waits for no answer any more. */
  leave() {
    this.#busy?.abort();
  }

  async #send(part, words) {
    this.#busy = new AbortController();
    this.changed();
    this.say(words);
    try {
      return await sendJson('POST', this.#events.path(part), this.#events.wish(), this.#busy.signal);
    } catch (error) {
      if (error.name !== 'AbortError') this.say(error.message, true);
      return null;
    } finally {
      this.#busy = null;
      this.changed();
    }
  }

  async #rehearse() {
    const key = this.#events.key();
    const found = await this.#send('/rehearse', this.#labels.trying);
    if (!found) return;
    this.#tried = found.ok ? key : '';
    this.say(found.words, !found.ok, found.command);
    this.changed();
    if (found.ok && !this.begin.disabled) this.begin.focus();
  }

  async #begin() {
    const answer = await this.#send('', 'It begins …');
    if (!answer) return;
    this.#tried = '';
    this.say('');
    this.#events.begun(answer);
  }
}
