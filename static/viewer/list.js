/** The list of traces: search, filters, order, count, pages, and words for when there is nothing to list. */
import { button, debounce, el, fill, keepFocus, scrollIntoBox } from './dom.js';
import { getJson, keyOf, ownUrl } from './api.js';
import { Filters } from './filters.js';
import { icon } from './icons.js';
import { activeFilters, filterPairs, noFilters } from './route.js';
import { count, plural, verdictWord } from './words.js';

export const PAGE_SIZE = 50;
const SIGNS = { true: ['check', 'is-right'], false: ['cross', 'is-wrong'], null: ['dash', 'is-unscored'] };

const ORDERS = [
  ['newest', 'Newest first'], ['oldest', 'Oldest first'], ['question', 'Question, A to Z'], ['steps', 'Most steps'],
  ['looks', 'Most looks'], ['reward', 'Highest reward'], ['faults', 'Most faults'],
];

export class TraceList {
  filters;
  items = [];
  total = 0;
  pages = 1;
  failed = false;
  #events;
  #asked = null;
  #open = { id: '', dataset: '' };

  /** `events`: open(item), changed() after the filters changed, link(item) -> address, loaded() */
  constructor(filters, events) {
    this.filters = filters;
    this.#events = events;
    const later = debounce(() => this.change({ q: this.search.value.trim() }), 250);
    this.search = el('input', { class: 'sc-search', type: 'search', placeholder: 'Search traces…', 'aria-label': 'Search the traces', autocomplete: 'off', spellcheck: 'false', oninput: later });
    this.panel = new Filters((change) => this.change(change));
    this.order = el('select', { class: 'sc-select', 'aria-label': 'Order', onchange: () => this.change({ sort: this.order.value }) }, ...ORDERS.map(([value, text]) => el('option', { value, text })));
    this.number = el('p', { class: 'sc-count', role: 'status' });
    this.rows = el('ul', { class: 'sc-rows', 'aria-label': 'Traces' });
    this.paging = el('nav', { class: 'sc-paging', 'aria-label': 'Pages of the list' });
    this.rows.addEventListener('keydown', (event) => this.#key(event));
    const field = el('div', { class: 'sc-search-field' }, icon('search'), this.search);
    const top = el('div', { class: 'sc-list-top' }, field, this.panel.node, el('div', { class: 'sc-list-line' }, this.number, this.order));
    this.close = button(icon('close'), () => this.#events.close(), { class: 'is-bare sc-close-list', 'aria-label': 'Close the list' });
    this.node = el('nav', { class: 'sc-list', 'aria-label': 'Traces' }, this.close, top, this.rows, this.paging);
  }

  /** Applies a change of the filters: back to the first page unless the change is the page. */
  change(change) {
    this.filters = { ...this.filters, page: 1, ...change };
    this.#events.changed();
    return this.load();
  }

  /** Asks for the page; of an address that names a page beyond the last one, the last is shown. */
  async load() {
    this.#asked?.abort();
    this.#asked = new AbortController();
    const { signal } = this.#asked;
    this.#showFilters();
    const slow = setTimeout(() => this.node.classList.add('is-loading'), 150);
    try {
      const pairs = filterPairs(this.filters);
      this.#facets(signal);
      const page = await getJson('api/traces', [...pairs, ['page_size', PAGE_SIZE]], signal);
      if (!page.items.length && page.pages >= 1 && page.pages < this.filters.page) return this.change({ page: page.pages });
      this.#show(page);
    } catch (error) {
      if (error.name === 'AbortError') return undefined;
      this.#failed(error);
    } finally {
      clearTimeout(slow);
      if (!signal.aborted) this.node.classList.remove('is-loading');
    }
    this.#events.loaded();
    return undefined;
  }

  /** Counts beside the filters come when they come; the list does not wait for them. */
  #facets(signal) {
    getJson('api/facets', filterPairs(this.filters, { page: '' }), signal).then(
      (facets) => this.panel.show(facets, this.filters),
      (error) => error.name !== 'AbortError' && this.panel.failed(error.message),
    );
  }

  #showFilters() {
    if (this.search.value.trim() !== this.filters.q) this.search.value = this.filters.q;
    this.order.value = this.filters.sort;
    this.panel.mark(this.filters);
  }

  #show({ items, total, pages, page }) {
    Object.assign(this, { items, total, pages: Math.max(1, pages), failed: false });
    this.filters.page = page;
    this.number.textContent = plural(total, 'trace');
    this.search.placeholder = total ? `Search ${plural(total, 'trace')}…` : 'Search traces…';
    keepFocus(this.rows, () => fill(this.rows, items.length ? items.map((item) => this.#row(item)) : this.#nothing()));
    this.rows.scrollTop = 0;
    this.#showPaging();
    this.mark(this.#open.id, this.#open.dataset);
  }

  #row(item) {
    const [sign, name] = SIGNS[item.correct];
    const meta = [plural(item.looks, 'look'), verdictWord(item.correct), item.stop === 'answered' ? '' : item.stop_words, item.faults ? plural(item.faults, 'fault') : '', item.policy];
    const link = el(
      'a',
      { class: 'sc-row', href: this.#events.link(item), 'data-key': keyOf(item.id, item.dataset), tabindex: '-1', onclick: (event) => this.#clicked(event, item) },
      el('img', { class: 'sc-thumb', src: ownUrl(item.thumbnail), alt: '', loading: 'lazy', width: '60', height: '45' }),
      el('span', { class: 'sc-row-words' },
        el('span', { class: 'sc-row-question', dir: 'auto', text: item.question || 'No question' }),
        el('span', { class: `sc-row-meta ${name}` }, icon(sign), el('span', { text: meta.filter(Boolean).join(' · ') }))),
    );
    return el('li', {}, link);
  }

  #clicked(event, item) {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    this.#events.open(item);
  }

  #nothing() {
    if (!activeFilters(this.filters)) {
      return el('li', { class: 'sc-nothing' }, el('p', { class: 'sc-nothing-head', text: 'No traces yet' }), el('p', { text: 'Import a file of rollouts, and its traces are listed here.' }));
    }
    return el('li', { class: 'sc-nothing' }, el('p', { class: 'sc-nothing-head', text: 'No trace fits' }), el('p', { text: 'Nothing stored has all of these properties.' }), button('Clear search and filters', () => this.clear()));
  }

  clear() {
    return this.change({ ...noFilters(), sort: this.filters.sort });
  }

  #failed(error) {
    this.items = [];
    this.failed = true;
    this.number.textContent = '';
    this.paging.hidden = true;
    fill(this.rows, el('li', { class: 'sc-nothing is-error', role: 'alert' }, el('p', { class: 'sc-nothing-head', text: 'The list could not be loaded' }), el('p', { text: error.message }), button('Try again', () => this.load())));
  }

  #showPaging() {
    const { page } = this.filters;
    const go = (to) => this.change({ page: to });
    const field = el('input', { class: 'sc-page', type: 'number', min: '1', max: this.pages, value: page, 'aria-label': `Page, of ${this.pages}`, 'data-key': 'page' });
    field.addEventListener('change', () => go(Math.min(this.pages, Math.max(1, Math.round(Number(field.value)) || 1))));
    const step = (name, label, to, off) => button(icon(name), () => go(to), { 'aria-label': label, disabled: off, 'data-key': name, class: 'is-bare' });
    const parts = [step('left', 'Previous page', page - 1, page <= 1), el('span', {}, 'Page ', field, ` of ${count(this.pages)}`), step('right', 'Next page', page + 1, page >= this.pages)];
    keepFocus(this.paging, () => fill(this.paging, this.pages > 1 ? parts : []));
    this.paging.hidden = this.pages <= 1;
  }

  /** Shows which trace is open; it is also the one that Tab reaches. */
  mark(id, dataset = '') {
    this.#open = { id, dataset };
    const links = [...this.rows.querySelectorAll('.sc-row')];
    const open = links[this.#position];
    for (const link of links) {
      link.tabIndex = link === (open ?? links[0]) ? 0 : -1;
      if (link === open) link.setAttribute('aria-current', 'true');
      else link.removeAttribute('aria-current');
    }
    if (open) scrollIntoBox(this.rows, open);
    return open;
  }

  #key(event) {
    const links = [...this.rows.querySelectorAll('.sc-row')];
    const at = links.indexOf(this.rows.getRootNode().activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + 8, PageUp: at - 8 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    links[Math.max(0, Math.min(links.length - 1, to))].focus();
  }

  /** The row of the open trace, -1 for none: where its data set is not known, the first with its id. */
  get #position() {
    const { id, dataset } = this.#open;
    const exact = this.items.findIndex((item) => item.id === id && item.dataset === dataset);
    return exact >= 0 || dataset ? exact : this.items.findIndex((item) => item.id === id);
  }

  /** The item `by` rows from the open one, on the neighbouring page where need be; undefined at either end. */
  async neighbour(by) {
    const at = this.#position;
    if (at < 0) return this.items[0];
    const item = this.items[at + by];
    const page = this.filters.page + by;
    if (item || page < 1 || page > this.pages) return item;
    await this.change({ page });
    return this.items.at(by > 0 ? 0 : -1);
  }

  /** The one that most likely comes next, if it is on this page. */
  get following() {
    return this.items[this.#position + 1];
  }
}
