/** The pictures that are stored already, to ask about one of them: those of the traces, found by their questions. */
import { button, debounce, el, fill } from '../viewer/dom.js';
import { getJson, ownUrl } from '../viewer/api.js';
import { icon } from '../viewer/icons.js';
import { plural } from '../viewer/words.js';

const PAGE = 120;

export class Shelf {
  #picked;
  #asked = null;
  #search;
  #number = el('p', { class: 'sc-quiet', role: 'status' });
  #rows = el('ul', { class: 'ak-shelf', 'aria-label': 'Stored pictures' });
  #whole = el('input', { type: 'checkbox', id: 'ak-whole', checked: true });

  /** `picked(view, whole)`: the trace whose picture was chosen; `whole`: its question, domain and truth are wanted too. */
  constructor(picked) {
    this.#picked = picked;
    this.#search = el('input', { class: 'sc-search', type: 'search', placeholder: 'Search the questions…', 'aria-label': 'Search the stored pictures by their questions', autocomplete: 'off', spellcheck: 'false', oninput: debounce(() => this.#load(), 250) });
    const close = button(icon('close'), () => this.node.close(), { class: 'is-bare', 'aria-label': 'Close' });
    const field = el('div', { class: 'sc-search-field' }, icon('search'), this.#search);
    const whole = el('div', { class: 'st-check' }, this.#whole, el('label', { for: 'ak-whole', text: 'With its question, its domain and its right answer' }));
    this.node = el(
      'dialog',
      { class: 'sc-dialog ak-shelf-dialog', 'aria-label': 'A stored picture' },
      el('header', { class: 'sc-dialog-head' }, el('h3', { text: 'A stored picture' }), close),
      el('div', { class: 'ak-shelf-top' }, field, el('div', { class: 'ak-shelf-line' }, whole, this.#number)),
      el('div', { class: 'ak-shelf-field', tabindex: '-1' }, this.#rows),
    );
    this.node.addEventListener('click', (event) => event.target === this.node && this.node.close());
  }

  open() {
    this.node.showModal();
    this.#search.focus();
    this.#load();
  }

  async #load() {
    this.#asked?.abort();
    this.#asked = new AbortController();
    try {
      const { items, total } = await getJson('api/traces', [['q', this.#search.value.trim()], ['page_size', PAGE]], this.#asked.signal);
      this.#draw(items, total);
    } catch (error) {
      if (error.name !== 'AbortError') fill(this.#rows, el('li', { class: 'sc-quiet', text: error.message }));
    }
  }

  /** A picture and a question stand there once, however many traces they have. */
  #draw(items, total) {
    const once = new Map(items.filter((item) => item.thumbnail).map((item) => [JSON.stringify([item.thumbnail, item.question]), item]));
    const more = total > items.length ? `; of ${plural(total, 'trace')} the ${items.length} newest` : '';
    this.#number.textContent = `${plural(once.size, 'question')}${more}`;
    const none = this.#search.value.trim() ? 'No question fits.' : 'No trace is stored yet, so there is no picture to choose.';
    fill(this.#rows, once.size ? [...once.values()].map((item) => this.#card(item)) : el('li', { class: 'sc-quiet', text: none }));
  }

  #card(item) {
    const pick = el(
      'button',
      { type: 'button', class: 'ak-shelf-pick', onclick: () => this.#pick(item, pick) },
      el('img', { class: 'ak-shelf-image', src: ownUrl(item.thumbnail), alt: '', loading: 'lazy' }),
      el('span', { class: 'ak-shelf-question', dir: 'auto', text: item.question || 'No question' }),
      el('span', { class: 'sc-quiet', text: item.domain_title }),
    );
    return el('li', {}, pick);
  }

  async #pick({ id, dataset }, pick) {
    pick.disabled = true;
    try {
      const view = await getJson(`api/traces/${encodeURIComponent(id)}`, dataset ? [['dataset', dataset]] : []);
      this.node.close();
      this.#picked(view, this.#whole.checked);
    } catch (error) {
      this.#number.textContent = error.message;
    } finally {
      pick.disabled = false;
    }
  }
}
