/**
 * The address bar: which trace, which step, what to compare with, and the filters of the list. Other names are left alone,
 * and a value that nothing here knows counts as none: an address that was mistyped or cut still opens the page.
 */

const LISTS = ['dataset', 'domain', 'policy', 'stop'];
const SINGLES = ['q', 'correct', 'faults', 'min_looks', 'max_looks', 'picture'];
const VIEW = ['trace', 'in', 'step', 'compare', 'compare_step'];
const SORTS = ['newest', 'oldest', 'question', 'steps', 'looks', 'reward', 'faults'];

/** The page of the list. Gradio reads `page` itself, as the name of one of its pages, so that here it goes by another name. */
const PAGE = 'list_page';

const NUMBER = /^\d{1,9}$/;
const KNOWN = {
  correct: (text) => ['right', 'wrong', 'unscored'].includes(text),
  faults: (text) => ['yes', 'no'].includes(text),
  min_looks: (text) => NUMBER.test(text),
  max_looks: (text) => NUMBER.test(text),
};

export function noFilters() {
  return { q: '', dataset: [], domain: [], policy: [], stop: [], correct: '', faults: '', min_looks: '', max_looks: '', picture: '', sort: 'newest', page: 1 };
}

function positive(text) {
  return NUMBER.test(text ?? '') ? Number(text) : 0;
}

function single(params, name) {
  const text = params.get(name) ?? '';
  return (KNOWN[name]?.(text) ?? true) ? text : '';
}

export function readFilters(search = location.search) {
  const params = new URLSearchParams(search);
  const filters = noFilters();
  for (const name of LISTS) filters[name] = params.getAll(name);
  for (const name of SINGLES) filters[name] = single(params, name);
  filters.sort = SORTS.find((sort) => sort === params.get('sort')) ?? 'newest';
  filters.page = positive(params.get(PAGE)) || 1;
  return filters;
}

/** `step` counts from 0 here and from 1 in the address; -1 is none. The data set of the trace is `in`: `dataset` is the list's filter. */
export function readView(search = location.search) {
  const params = new URLSearchParams(search);
  return {
    trace: params.get('trace') ?? '',
    dataset: params.get('in') ?? '',
    step: positive(params.get('step')) - 1,
    compare: params.get('compare') ?? '',
    compareStep: positive(params.get('compare_step')) - 1,
  };
}

/** The filters as pairs for a query to the server; the page, under the name `page`, and the default order are left out where they say nothing. */
export function filterPairs(filters, { page = 'page' } = {}) {
  const pairs = [];
  for (const name of LISTS) for (const value of filters[name]) pairs.push([name, value]);
  for (const name of SINGLES) if (filters[name] !== '') pairs.push([name, filters[name]]);
  if (filters.sort !== 'newest') pairs.push(['sort', filters.sort]);
  if (page && filters.page > 1) pairs.push([page, String(filters.page)]);
  return pairs;
}

export function activeFilters(filters) {
  return filterPairs({ ...filters, sort: 'newest', page: 1 }).length;
}

/** The address of a view with these filters; everything else in the present address is kept. */
export function addressOf(view, filters) {
  const url = new URL(location.href);
  for (const name of [...LISTS, ...SINGLES, ...VIEW, 'sort', PAGE]) url.searchParams.delete(name);
  for (const [name, value] of filterPairs(filters, { page: PAGE })) url.searchParams.append(name, value);
  if (view.trace) url.searchParams.set('trace', view.trace);
  if (view.trace && view.dataset) url.searchParams.set('in', view.dataset);
  if (view.trace && view.step >= 0) url.searchParams.set('step', String(view.step + 1));
  if (view.compare) url.searchParams.set('compare', view.compare);
  if (view.compare && view.compareStep >= 0) url.searchParams.set('compare_step', String(view.compareStep + 1));
  return url.href;
}

/** Only what another person needs to see the same: the view without the filters of my list. */
export function shareAddress(view) {
  return addressOf(view, noFilters());
}

/** Writes the address; `push` makes a new entry for the Back button. */
export function writeAddress(view, filters, { push = false } = {}) {
  const href = addressOf(view, filters);
  if (href === location.href) return;
  history[push ? 'pushState' : 'replaceState'](history.state, '', href);
}
