/** The filters of the list: chips with counts, the usual ones in sight, the others a click away. */
import { button, el, fill, keepFocus } from './dom.js';
import { icon } from './icons.js';
import { activeFilters, noFilters } from './route.js';
import { count } from './words.js';

const FAULTS = [{ value: 'yes', title: 'faults' }, { value: 'no', title: 'no faults' }];
const VERDICTS = [{ value: 'right', title: 'right' }, { value: 'wrong', title: 'wrong' }, { value: 'unscored', title: 'unscored' }];
const NO_FACETS = { datasets: [], domains: [], policies: [], stops: [], correct: [], max_looks: 0 };

/** Groups longer than this scroll in a box of their own. */
const MANY = 12;

export class Filters {
  #apply;
  #facets = NO_FACETS;
  #filters = noFilters();
  #quick = el('div', { class: 'sc-chips', role: 'group', 'aria-label': 'Filters' });
  #more = el('div', { class: 'sc-more-filters', hidden: true });

  constructor(apply) {
    this.#apply = apply;
    this.opener = button('', () => this.#toggle(), { class: 'sc-chip sc-filters-open', 'aria-expanded': 'false', 'data-key': 'more' });
    this.node = el('div', { class: 'sc-filters' }, this.#quick, this.#more);
  }

  #toggle() {
    this.#more.hidden = !this.#more.hidden;
    this.opener.setAttribute('aria-expanded', String(!this.#more.hidden));
  }

  show(facets, filters) {
    this.#facets = facets;
    this.mark(filters);
  }

  failed(sentence) {
    fill(this.#more, el('p', { class: 'sc-quiet', role: 'alert', text: sentence }));
  }

  /** Redraws the chips for these filters. */
  mark(filters) {
    this.#filters = filters;
    keepFocus(this.node, () => {
      this.#drawQuick();
      this.#drawMore();
    });
  }

  #drawQuick() {
    const verdicts = VERDICTS.map((one) => ({ ...one, count: this.#countOf(one.value) }));
    const hidden = activeFilters({ ...this.#filters, q: '', correct: '', faults: '' });
    fill(this.opener, icon('filter'), hidden ? `More · ${hidden}` : 'More');
    this.opener.classList.toggle('is-on', hidden > 0);
    const clear = activeFilters({ ...this.#filters, q: '' })
      ? button([icon('close'), 'Clear'], () => this.#apply({ ...noFilters(), q: this.#filters.q, sort: this.#filters.sort }), { class: 'sc-chip is-plain', 'data-key': 'clear' })
      : null;
    fill(this.#quick, verdicts.map((one) => this.#single('correct', one)), this.#single('faults', FAULTS[0]), this.opener, clear);
  }

  /** How many have a verdict; nothing is said before the server has counted. */
  #countOf(verdict) {
    if (this.#facets === NO_FACETS) return undefined;
    return this.#facets.correct.find((found) => found.value === verdict)?.count ?? 0;
  }

  #drawMore() {
    const { datasets, domains, policies, stops } = this.#facets;
    fill(
      this.#more,
      this.#group('Domain', 'domain', domains),
      this.#group('Data set', 'dataset', datasets),
      this.#group('Policy', 'policy', policies),
      this.#group('Ended', 'stop', stops),
      this.#box('Faults', [this.#single('faults', FAULTS[0], 'all-'), this.#single('faults', FAULTS[1])]),
      this.#looks(),
      this.#picture(),
    );
  }

  #chip(key, { title, count: number }, on, run) {
    const words = [el('span', { class: 'sc-chip-title', text: title }), number === undefined ? null : el('span', { class: 'sc-chip-count', text: count(number) })];
    return el('button', { type: 'button', class: 'sc-chip', 'aria-pressed': String(on), 'data-key': key, title, onclick: run }, ...words);
  }

  #single(name, facet, prefix = '') {
    const on = this.#filters[name] === facet.value;
    return this.#chip(`${prefix}${name}=${facet.value}`, facet, on, () => this.#apply({ [name]: on ? '' : facet.value }));
  }

  /** Chosen values stay in sight, even where nothing fits them any more. */
  #group(title, name, facets) {
    const chosen = this.#filters[name];
    const gone = chosen.filter((value) => !facets.some((facet) => facet.value === value)).map((value) => ({ value, title: value, count: 0 }));
    const chips = [...facets, ...gone].map((facet) => {
      const on = chosen.includes(facet.value);
      const next = on ? chosen.filter((value) => value !== facet.value) : [...chosen, facet.value];
      return this.#chip(`${name}=${facet.value}`, facet, on, () => this.#apply({ [name]: next }));
    });
    return chips.length ? this.#box(title, chips) : null;
  }

  #box(title, chips) {
    return el('div', { class: 'sc-filter', role: 'group', 'aria-label': title }, el('p', { class: 'sc-filter-name', text: title }), el('div', { class: `sc-chips${chips.length > MANY ? ' is-long' : ''}` }, ...chips));
  }

  #looks() {
    const most = Math.max(this.#facets.max_looks, Number(this.#filters.max_looks) || 0);
    const field = (name, label) => {
      const node = el('input', { class: 'sc-page', type: 'number', min: '0', max: most, value: this.#filters[name], 'aria-label': label, 'data-key': name });
      node.addEventListener('change', () => this.#apply({ [name]: node.value === '' ? '' : String(Math.max(0, Math.round(Number(node.value)))) }));
      return node;
    };
    const line = el('div', { class: 'sc-looks-filter' }, field('min_looks', 'At least so many looks'), ' to ', field('max_looks', 'At most so many looks'), el('span', { class: 'sc-quiet', text: `of at most ${most}` }));
    return el('div', { class: 'sc-filter', role: 'group', 'aria-label': 'Number of looks' }, el('p', { class: 'sc-filter-name', text: 'Looks' }), line);
  }

  #picture() {
    if (!this.#filters.picture) return null;
    return this.#box('Picture', [this.#chip('picture', { title: 'only this picture' }, true, () => this.#apply({ picture: '' }))]);
  }
}
