/** Putting a page of ours into an element of any other page. */
import { el } from './dom.js';
import { followHeight, followTheme } from './theme.js';

/** One style sheet, ready when it is loaded; one that fails leaves a plain but usable page. */
function sheet(href) {
  const link = el('link', { rel: 'stylesheet', href });
  const ready = new Promise((done) => {
    link.addEventListener('load', done);
    link.addEventListener('error', done);
  });
  return { link, ready };
}

/** The page begins when its styles are there: what it measures is then what is seen. */
async function start(root, sheets, stops, begin) {
  await Promise.all(sheets.map(({ ready }) => ready));
  root.style.visibility = '';
  const page = begin(root);
  return {
    destroy() {
      page?.destroy?.();
      for (const stop of stops) stop();
      root.remove();
    },
  };
}

/**
 * Everything stands in a shadow root, so that the styles around do not reach the page nor its styles what is around it.
 * `hrefs` are the addresses of its style sheets; `begin(root)` builds it and may give back something with `destroy()`.
 * Mounting twice on one element gives the same page.
 */
export function mountPage(element, hrefs, begin) {
  if (element.shadowRoot) return element.saccade;
  const shadow = element.attachShadow({ mode: 'open' });
  const root = el('div', { class: 'sc-root', lang: 'en' });
  root.style.visibility = 'hidden';
  const sheets = hrefs.map(sheet);
  shadow.append(...sheets.map(({ link }) => link), root);
  const stops = [followTheme(root), followHeight(element, root)];
  element.saccade = start(root, sheets, stops, begin);
  return element.saccade;
}

/** Calls `run(true)` whenever `host` comes into sight and `run(false)` when it leaves it: a tab that is opened, a page that is turned to. */
export function whenInSight(host, run) {
  let seen = false;
  const tell = (now) => {
    if (now === seen) return;
    seen = now;
    run(now);
  };
  let shown = false;
  const watcher = new IntersectionObserver((entries) => {
    shown = entries.at(-1).isIntersecting;
    tell(shown && !document.hidden);
  });
  const turned = () => tell(shown && !document.hidden);
  watcher.observe(host);
  document.addEventListener('visibilitychange', turned);
  return () => {
    watcher.disconnect();
    document.removeEventListener('visibilitychange', turned);
  };
}
