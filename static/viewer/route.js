/** The address bar: which trace, which step, what to compare with, and the filters of the list. Other names are left alone. */

const LISTS = ['dataset', 'domain', 'policy', 'stop'];
const SINGLES = ['q', 'correct', 'faults', 'min_looks', 'max_looks', 'picture'];
const VIEW = ['trace', 'step', 'compare', 'compare_step'];

export function noFilters() {
  return { q: '', dataset: [], domain: [], policy: [], stop: [], correct: '', faults: '', min_looks: '', max_looks: '', picture: '', sort: 'newest', page: 1 };
}

function positive(text) {
  const number = Number.parseInt(text ?? '', 10);
  return Number.isFinite(number) && number > 0 ? number : 0;
}

export function readFilters(search = location.search) {
  const params = new URLSearchParams(search);
  const filters = noFilters();
  for (const name of LISTS) filters[name] = params.getAll(name);
  for (const name of SINGLES) filters[name] = params.get(name) ?? '';
  filters.sort = params.get('sort') ?? 'newest';
  filters.page = positive(params.get('page')) || 1;
  return filters;
}

/** `step` counts from 0 here and from 1 in the address; -1 is none. */
export function readView(search = location.search) {
  const params = new URLSearchParams(search);
  return {
    trace: params.get('trace') ?? '',
    step: positive(params.get('step')) - 1,
    compare: params.get('compare') ?? '',
    compareStep: positive(params.get('compare_step')) - 1,
  };
}

/** The filters as pairs for a query; `page` and the default order are left out where they say nothing. */
export function filterPairs(filters, { paging = true } = {}) {
  const pairs = [];
  for (const name of LISTS) for (const value of filters[name]) pairs.push([name, value]);
  for (const name of SINGLES) if (filters[name] !== '') pairs.push([name, filters[name]]);
  if (filters.sort !== 'newest') pairs.push(['sort', filters.sort]);
  if (paging && filters.page > 1) pairs.push(['page', String(filters.page)]);
  return pairs;
}

export function activeFilters(filters) {
  return filterPairs({ ...filters, sort: 'newest', page: 1 }).length;
}

/** The address of a view with these filters; everything else in the present address is kept. */
export function addressOf(view, filters) {
  const url = new URL(location.href);
  for (const name of [...LISTS, ...SINGLES, ...VIEW, 'sort', 'page']) url.searchParams.delete(name);
  for (const [name, value] of filterPairs(filters)) url.searchParams.append(name, value);
  if (view.trace) url.searchParams.set('trace', view.trace);
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
