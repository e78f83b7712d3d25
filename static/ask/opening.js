/** An address that names a run opens the tab on which runs are seen; the tabs are there a moment after the page. */

const TAB = 'Ask';

function openTab() {
  const tab = [...document.querySelectorAll('#sc-tabs [role="tab"]')].find((one) => one.textContent.trim() === TAB);
  tab?.click();
  return Boolean(tab);
}

if (new URLSearchParams(location.search).has('run')) {
  const watcher = new MutationObserver(() => openTab() && watcher.disconnect());
  if (!openTab()) watcher.observe(document, { childList: true, subtree: true });
}
