/** Which run the address names. It is there only while the page is in sight: the address of another tab is about something else. */

export function runInAddress() {
  return new URLSearchParams(location.search).get('run') ?? '';
}

/** Writes it, or takes it out; `push` makes a new entry for the Back button. */
export function writeRun(run, { push = false } = {}) {
  const url = new URL(location.href);
  if (run) url.searchParams.set('run', run);
  else url.searchParams.delete('run');
  if (url.href !== location.href) history[push ? 'pushState' : 'replaceState'](history.state, '', url.href);
}

/** Where a stored trace is looked at, beside another one if there is one to compare with. */
export function inspectAddress({ id, dataset }, other = null) {
  const query = new URLSearchParams({ trace: id });
  if (dataset) query.set('in', dataset);
  if (other) query.set('compare', other.id);
  return new URL(`../../?${query}`, import.meta.url).href;
}
