/** Entry: `mount(element)` puts the viewer into an element and gives back a handle with `destroy()`. */
import { el } from './dom.js';
import { App } from './app.js';
import { followHeight, followTheme } from './theme.js';

const SHEETS = ['base.css', 'layout.css', 'list.css', 'stage.css', 'panel.css'];

/** One style sheet, ready when it is loaded; one that fails leaves a plain but usable page. */
function sheet(name) {
  const link = el('link', { rel: 'stylesheet', href: new URL(name, import.meta.url).href });
  const ready = new Promise((done) => {
    link.addEventListener('load', done);
    link.addEventListener('error', done);
  });
  return { link, ready };
}

/** The app begins when its styles are there: what it measures is then what is seen. */
async function start(root, sheets, stops) {
  await Promise.all(sheets.map(({ ready }) => ready));
  root.style.visibility = '';
  const app = new App(root);
  return {
    destroy() {
      app.destroy();
      for (const stop of stops) stop();
      root.remove();
    },
  };
}

/**
 * Everything stands in a shadow root, so that the page's styles do not reach the viewer nor its styles the page.
 * Mounting twice on one element gives the same viewer.
 */
export function mount(element) {
  if (element.shadowRoot) return element.saccade;
  const shadow = element.attachShadow({ mode: 'open' });
  const root = el('div', { class: 'sc-root', lang: 'en' });
  root.style.visibility = 'hidden';
  const sheets = SHEETS.map(sheet);
  shadow.append(...sheets.map(({ link }) => link), root);
  const stops = [followTheme(root), followHeight(element, root)];
  element.saccade = start(root, sheets, stops);
  return element.saccade;
}
