/** The window in which somebody changes their own password. */
import { button, el, fill, uid } from '../viewer/dom.js';
import { sendJson } from '../viewer/api.js';
import { icon } from '../viewer/icons.js';
import { check, field, showErrors, textInput } from '../studies/fields.js';
import { SHORTEST } from '../raters/words.js';

function secret(autocomplete) {
  return textInput('', () => {}, { type: 'password', autocomplete, maxlength: '1000', dir: null, required: true });
}

export class PasswordDialog {
  #rater = null;
  #busy = false;
  #old = secret('current-password');
  #new = secret('new-password');
  #again = secret('new-password');
  #who = el('input', { type: 'text', name: 'username', autocomplete: 'username', readonly: true, hidden: true });
  #wrong = el('p', { class: 'st-error', role: 'alert' });
  #done = el('p', { role: 'status' });
  #show;
  #go = el('button', { type: 'submit', class: 'sc-button st-primary', text: 'Change password' });

  /** `closed()` is called when the window is put away. */
  constructor(root, closed) {
    const title = uid('password');
    const close = button(icon('close'), () => this.node.close(), { class: 'is-bare', 'aria-label': 'Close this window' });
    this.#show = check('Show what I type', false, (shown) => this.#reveal(shown));
    this.form = el(
      'form',
      { class: 'sn-form', novalidate: true, onsubmit: (event) => this.#submit(event) },
      this.#who,
      field('old', 'Old password', this.#old),
      field('new', 'New password', this.#new, { hint: `At least ${SHORTEST} characters. You stay signed in here, and are signed out everywhere else.` }),
      field('again', 'New password again', this.#again),
      this.#show,
      this.#wrong,
      el('div', { class: 'sn-ways' }, this.#go, button('Cancel', () => this.node.close())),
    );
    this.body = el('div', { class: 'sn-body' });
    const head = el('div', { class: 'sc-dialog-head' }, el('h2', { class: 'sn-title', id: title, text: 'Change your password' }), close);
    this.node = el('dialog', { class: 'sc-dialog sn-dialog', 'aria-labelledby': title }, head, this.body);
    this.node.addEventListener('click', (event) => event.target === this.node && this.node.close());
    // The page's own keys rest meanwhile.
    this.node.addEventListener('keydown', (event) => event.stopPropagation());
    this.node.addEventListener('close', () => {
      this.#forget();
      closed();
    });
    root.append(this.node);
  }

  /** Closes the window if somebody else has signed in meanwhile. */
  belongsTo(rater) {
    if (this.node.open && rater?.id !== this.#rater?.id) this.node.close();
  }

  open(rater) {
    this.#rater = rater;
    this.#forget();
    this.#who.value = rater.name;
    // Where it cannot be changed here, that is said before anything is typed.
    if (rater.password_fixed) fill(this.body, el('p', { class: 'pg-note is-calm', text: rater.password_fixed }), this.#closing('Close'));
    else fill(this.body, this.form);
    this.node.showModal();
    (rater.password_fixed ? this.body.querySelector('button') : this.#old).focus();
  }

  #closing(label) {
    return el('div', { class: 'sn-ways' }, button(label, () => this.node.close()));
  }

  /** Nothing that was typed stays in the page. */
  #forget() {
    for (const input of [this.#old, this.#new, this.#again]) input.value = '';
    this.#show.querySelector('input').checked = false;
    this.#reveal(false);
    this.#wrong.textContent = '';
    this.#done.textContent = '';
    showErrors(this.form, new Map());
  }

  #reveal(shown) {
    for (const input of [this.#old, this.#new, this.#again]) input.type = shown ? 'text' : 'password';
  }

  /** What can be told without asking the server: path to sentence. */
  #found() {
    const found = new Map();
    if (!this.#old.value) found.set('old', 'Type the password that you sign in with now.');
    if ([...this.#new.value].length < SHORTEST) found.set('new', `Give at least ${SHORTEST} characters.`);
    else if (this.#new.value !== this.#again.value) found.set('again', 'This is not the same as the new password above: type both anew.');
    return found;
  }

  #tell(found) {
    showErrors(this.form, found);
    const [first] = [['old', this.#old], ['new', this.#new], ['again', this.#again]].filter(([path]) => found.has(path));
    first?.[1].focus();
  }

  async #submit(event) {
    event.preventDefault();
    if (this.#busy) return;
    this.#wrong.textContent = '';
    const found = this.#found();
    this.#tell(found);
    if (found.size) return;
    this.#busy = true;
    this.#go.setAttribute('aria-disabled', 'true');
    try {
      await sendJson('PUT', 'api/session/password', { old: this.#old.value, new: this.#new.value });
      if (this.node.open) this.#changed();
    } catch (error) {
      this.#refused(error);
    } finally {
      this.#busy = false;
      this.#go.removeAttribute('aria-disabled');
    }
  }

  /** The server's sentence, beside the field that it is about. */
  #refused({ status, message }) {
    const path = { 400: 'new', 403: 'old' }[status];
    if (path) this.#tell(new Map([[path, message]]));
    else this.#wrong.textContent = message;
    if (path === 'old') this.#old.select();
  }

  #changed() {
    this.#forget();
    fill(this.body, this.#done, this.#closing('Done'));
    this.#done.textContent = 'Your password is changed. You are signed out everywhere else.';
    this.body.querySelector('button').focus();
  }
}
