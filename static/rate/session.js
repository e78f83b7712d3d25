/** Who rates: a name on a machine of one's own, a name and a password where there are accounts. */
import { button, el, fill, uid } from '../viewer/dom.js';
import { ask, Refused, Unreachable } from './api.js';

export class SignIn {
  name = 'sign-in';
  #guarded;
  #done;
  #who;
  #password;
  #trouble = el('p', { class: 'rt-wrong', role: 'alert' });
  #send;

  /** `done(session)` once somebody is there. `again`: the session has ended in the middle of something. */
  constructor({ guarded, remembered = [] }, done, { again = '' } = {}) {
    this.#guarded = guarded;
    this.#done = done;
    const [name, word] = [uid('name'), uid('password')];
    this.#who = el('input', { id: name, class: 'rt-input', type: 'text', autocomplete: 'username', required: true, maxlength: 200, spellcheck: 'false', autocapitalize: 'off' });
    this.#who.value = again;
    this.#password = guarded ? el('input', { id: word, class: 'rt-input', type: 'password', autocomplete: 'current-password', required: true }) : null;
    this.#send = el('button', { type: 'submit', class: 'sc-button is-primary', text: again ? 'Sign in again' : guarded ? 'Sign in' : 'Begin' });
    const known = guarded ? [] : remembered.filter((one) => one !== again).slice(0, 8);
    const form = el(
      'form',
      { class: 'rt-form', novalidate: true, onsubmit: (event) => this.#submit(event) },
      el('label', { class: 'rt-label', for: name, text: 'Your name' }), this.#who,
      guarded ? [el('label', { class: 'rt-label', for: word, text: 'Password' }), this.#password] : null,
      this.#trouble, this.#send,
    );
    this.node = el('div', { class: 'rt-page is-narrow' }, el('section', { class: 'rt-card' }, el('h2', { tabindex: '-1', text: again ? 'Sign in again' : 'Who is rating?' }), this.#words(again), form, this.#remembered(known)));
  }

  #words(again) {
    const words = again
      ? 'Your session has ended. Nothing is lost: what you have given is sent as soon as you are back.'
      : this.#guarded
        ? 'Ratings are kept under your name. Nobody else sees them while the study runs, but those who lead it.'
        : 'Ratings are kept under this name, so that you find your place again. Any name will do.';
    return el('p', { class: 'sc-quiet', text: words });
  }

  #remembered(names) {
    if (!names.length) return null;
    return el('div', { class: 'rt-remembered' }, el('h3', { class: 'rt-label', text: 'Or go on as' }), el('div', { class: 'rt-tools' }, names.map((name) => button(el('span', { dir: 'auto', text: name }), () => { this.#who.value = name; this.#open(); }))));
  }

  focus() {
    (this.#who.value && this.#password ? this.#password : this.#who).focus();
  }

  #submit(event) {
    event.preventDefault();
    this.#open();
  }

  async #open() {
    const name = this.#who.value.trim();
    const password = this.#password?.value;
    if (!name || password === '') {
      this.#trouble.textContent = name ? 'Type your password.' : 'Type a name.';
      (name ? this.#password : this.#who).focus();
      return;
    }
    this.#send.disabled = true;
    try {
      const session = await ask('POST', 'api/session', this.#guarded ? { name, password } : { name });
      dispatchEvent(new Event('saccade-session'));
      this.#done(session);
    } catch (error) {
      if (!(error instanceof Refused || error instanceof Unreachable)) throw error;
      fill(this.#trouble, error.message);
      this.#password?.select();
    } finally {
      this.#send.disabled = false;
    }
  }

  key() {
    return false;
  }
}
