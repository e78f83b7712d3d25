/** A button that opens a short list of actions. */
import { button, el, fill } from './dom.js';

export class Menu {
  #items = [];
  #make;

  /** `make()` gives [{ label, note, run }] whenever the menu opens; an entry without `run` is a sentence. */
  constructor(label, name, make) {
    this.#make = make;
    this.list = el('div', { class: 'sc-menu-list', role: 'menu', 'aria-label': name, hidden: true });
    this.opener = button(label, () => this.toggle(), { 'aria-haspopup': 'menu', 'aria-expanded': 'false', 'aria-label': name, title: name });
    this.node = el('div', { class: 'sc-menu' }, this.opener, this.list);
    this.node.addEventListener('keydown', (event) => this.#key(event));
    this.node.addEventListener('focusout', (event) => this.#left(event));
  }

  get isOpen() {
    return !this.list.hidden;
  }

  toggle() {
    if (this.isOpen) this.close();
    else this.open();
  }

  open() {
    const entries = this.#make();
    this.#items = entries.filter((entry) => entry.run).map((entry) => this.#item(entry));
    const sentences = entries.filter((entry) => !entry.run).map(({ label }) => el('p', { class: 'sc-menu-words', text: label }));
    fill(this.list, sentences, this.#items);
    this.list.hidden = false;
    this.opener.setAttribute('aria-expanded', 'true');
    this.#keepInSight();
    this.#items[0]?.focus();
  }

  close() {
    this.list.hidden = true;
    this.opener.setAttribute('aria-expanded', 'false');
  }

  #item({ label, note, run }) {
    const pick = () => {
      this.close();
      this.opener.focus();
      run();
    };
    return el(
      'button',
      { type: 'button', class: 'sc-menu-item', role: 'menuitem', tabindex: '-1', onclick: pick },
      el('span', { class: 'sc-menu-label', dir: 'auto', text: label }),
      note ? el('span', { class: 'sc-quiet', text: note }) : null,
    );
  }

  /** Opens to whichever side has room. */
  #keepInSight() {
    this.list.classList.remove('is-right');
    const { right } = this.list.getBoundingClientRect();
    this.list.classList.toggle('is-right', right > document.documentElement.clientWidth - 8);
  }

  #left(event) {
    if (this.isOpen && !this.node.contains(event.relatedTarget)) this.close();
  }

  #key(event) {
    if (!this.isOpen) return;
    const at = this.#items.indexOf(this.node.getRootNode().activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: this.#items.length - 1 }[event.key];
    if (event.key === 'Escape') {
      this.close();
      this.opener.focus();
    } else if (to !== undefined && this.#items.length) {
      this.#items[(to + this.#items.length) % this.#items.length].focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
