/** The form for a new account. */
import { button, el } from '../viewer/dom.js';
import { field, select, showErrors, textInput } from '../studies/fields.js';
import { PasswordField } from './password.js';
import { ROLES, SHORTEST } from './words.js';

export class NewRater {
  #send;
  #closed;
  #busy = false;

  /** `send({ name, role, password })` gives a promise of the sentence of a refusal, or ''; `closed()` is called when the form is put away. */
  constructor(send, closed) {
    this.#send = send;
    this.#closed = closed;
    this.name = textInput('', () => {}, { maxlength: '200', autocapitalize: 'none' });
    this.role = select('rater', Object.fromEntries(Object.entries(ROLES).map(([role, { title, may }]) => [role, `${title}: ${may}`])), () => {});
    this.password = new PasswordField('Password');
    this.error = el('p', { class: 'st-error', role: 'alert' });
    const go = el('button', { type: 'submit', class: 'sc-button st-primary', text: 'Add' });
    const parts = [field('name', 'Name', this.name, { hint: 'Stands beside everything they rate.' }), field('role', 'Role', this.role), this.password.node];
    const ways = el('div', { class: 'rs-ways' }, go, button('Cancel', () => this.close()));
    this.node = el('form', { class: 'pg-card rs-form', 'aria-label': 'A new account', novalidate: true, hidden: true }, el('h3', { text: 'A new account' }), ...parts, this.error, ways);
    this.node.addEventListener('submit', (event) => this.#submit(event));
    this.node.addEventListener('keydown', (event) => event.key === 'Escape' && this.close());
  }

  /** The role that is chosen when the form is opened. */
  suggest(role) {
    if (this.node.hidden) this.role.value = role;
  }

  open() {
    this.node.hidden = false;
    this.name.focus();
  }

  close() {
    this.node.hidden = true;
    this.name.value = '';
    this.password.clear();
    this.error.textContent = '';
    showErrors(this.node, new Map());
    this.#closed();
  }

  async #submit(event) {
    event.preventDefault();
    if (this.#busy) return;
    const found = new Map();
    if (!this.name.value.trim()) found.set('name', 'Give a name.');
    if (this.password.value.length < SHORTEST) found.set('password', `Give at least ${SHORTEST} characters.`);
    showErrors(this.node, found);
    this.error.textContent = '';
    if (found.size) {
      (found.has('name') ? this.name : this.password.input).focus();
      return;
    }
    this.#busy = true;
    const sentence = await this.#send({ name: this.name.value, role: this.role.value, password: this.password.value });
    this.#busy = false;
    if (sentence) this.error.textContent = sentence;
    else if (this.node.isConnected) this.close();
  }
}
