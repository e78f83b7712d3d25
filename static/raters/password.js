/** A field for a new password: hidden until it is asked for, and one can be made up. */
import { button, el } from '../viewer/dom.js';
import { field, textInput } from '../studies/fields.js';
import { makePassword, SHORTEST } from './words.js';

export class PasswordField {
  constructor(label) {
    this.input = textInput('', () => {}, { type: 'password', autocomplete: 'new-password', maxlength: '1000', dir: null });
    this.show = button('Show', () => this.#reveal(this.input.type === 'password'), { 'aria-pressed': 'false', 'aria-label': 'Show the password' });
    const make = button('Make one up', () => this.#makeUp());
    const after = el('span', { class: 'rs-password-ways' }, this.show, make);
    this.node = field('password', label, this.input, { hint: `At least ${SHORTEST} characters. Pass it on yourself: it is never shown again.`, after });
  }

  get value() {
    return this.input.value;
  }

  clear() {
    this.input.value = '';
    this.#reveal(false);
  }

  #reveal(shown) {
    this.input.type = shown ? 'text' : 'password';
    this.show.setAttribute('aria-pressed', String(shown));
    this.show.textContent = shown ? 'Hide' : 'Show';
    this.show.setAttribute('aria-label', shown ? 'Hide the password' : 'Show the password');
  }

  #makeUp() {
    this.input.value = makePassword();
    this.#reveal(true);
    this.input.focus();
    this.input.select();
  }
}
