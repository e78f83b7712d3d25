/** An address that names a run, or a run of training, opens the tab on which it is seen; the tabs are there a moment after the page. */

const TABS = [['run', 'Ask'], ['training', 'Train']];
const named = new URLSearchParams(location.search);
const wanted = TABS.find(([name]) => named.has(name))?.[1];

function openTab() {
  const tab = [...document.querySelectorAll('#sc-tabs [role="tab"]')].find((one) => one.textContent.trim() === wanted);
  tab?.click();
  return Boolean(tab);
}

if (wanted) {
  const watcher = new MutationObserver(() => openTab() && watcher.disconnect());
  if (!openTab()) watcher.observe(document, { childList: true, subtree: true });
}
