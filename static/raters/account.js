/** One account, opened to be changed: its role, its password, and whether its owner may come in. */
import { button, el, fill, uid } from '../viewer/dom.js';
import { icon } from '../viewer/icons.js';
import { field, select, showErrors } from '../studies/fields.js';
import { PasswordField } from './password.js';
import { ROLES, SHORTEST } from './words.js';

const FILE_WORDS = 'This account stands in the accounts file: its role and password are changed there, and hold from the next start on.';

export class AccountDialog {
  #person = null;
  #change;
  #busy = false;

  /** `change(person, { role | password | open })` gives a promise of the sentence of a refusal, or ''. */
  constructor(change) {
    this.#change = change;
    const titleId = uid('account');
    this.title = el('h3', { class: 'rs-title', id: titleId, dir: 'auto' });
    this.body = el('div', { class: 'rs-dialog-body' });
    this.error = el('p', { class: 'st-error', role: 'alert' });
    const close = button(icon('close'), () => this.node.close(), { class: 'is-bare', 'aria-label': 'Close this window' });
    this.node = el('dialog', { class: 'sc-dialog rs-dialog', 'aria-labelledby': titleId }, el('header', { class: 'sc-dialog-head' }, this.title, close), this.body);
    this.node.addEventListener('click', (event) => event.target === this.node && this.node.close());
  }

  /** The number of the account that is, or was last, shown. */
  get id() {
    return this.#person?.id;
  }

  open(person) {
    this.#person = person;
    this.error.textContent = '';
    this.title.textContent = person.name;
    const parts = person.from_file ? [el('p', { class: 'pg-note is-calm', text: FILE_WORDS })] : [this.#rolePart(), this.#passwordPart()];
    fill(this.body, ...parts, this.#doorPart(), this.error);
    this.node.showModal();
  }

  #rolePart() {
    const words = Object.fromEntries(Object.entries(ROLES).map(([role, { title, may }]) => [role, `${title}: ${may}`]));
    const role = select(this.#person.role, words, () => {});
    const part = this.#part('Set role', () => this.#send({ role: role.value }));
    part.prepend(field('role', 'Role', role));
    return part;
  }

  #passwordPart() {
    const password = new PasswordField('New password');
    const part = this.#part('Set password', () => {
      const short = password.value.length < SHORTEST;
      showErrors(part, short ? new Map([['password', `Give at least ${SHORTEST} characters.`]]) : new Map());
      if (short) password.input.focus();
      else this.#send({ password: password.value });
    });
    part.prepend(password.node);
    return part;
  }

  #doorPart() {
    const { open } = this.#person;
    const words = open ? 'Closed, they may not come in any more, and are signed out at once. What they rated stays.' : 'This account is closed. What they rated is still there.';
    const way = button(open ? 'Close account' : 'Reopen account', () => this.#send({ open: !open }), { class: open ? 'rs-close' : '', 'data-key': 'door' });
    return el('div', { class: 'rs-part' }, el('p', { class: 'st-hint', text: words }), way);
  }

  #part(label, done) {
    const node = el('form', { class: 'rs-part', novalidate: true }, el('button', { type: 'submit', class: 'sc-button', text: label }));
    node.addEventListener('submit', (event) => {
      event.preventDefault();
      done();
    });
    return node;
  }

  async #send(change) {
    if (this.#busy) return;
    this.#busy = true;
    this.error.textContent = '';
    const sentence = await this.#change(this.#person, change);
    this.#busy = false;
    this.error.textContent = sentence;
    if (!sentence) this.node.close();
  }
}
