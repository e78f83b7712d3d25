/** Drawing charts with Plotly, which is loaded when the first chart is: from this server, out of the package the program runs with. */
import { ownUrl } from '../viewer/api.js';
import { el } from '../viewer/dom.js';

let loading = null;

/** The library, loaded once a page. Fails with a sentence. */
function library(address) {
  loading ??= new Promise((done, fail) => {
    const script = el('script', { src: ownUrl(address), async: true });
    script.addEventListener('load', () => (globalThis.Plotly ? done(globalThis.Plotly) : fail(new Error('The charts could not be loaded; the tables below them have the same figures.'))));
    script.addEventListener('error', () => {
      loading = null;
      script.remove();
      fail(new Error('The charts could not be loaded; the tables below them have the same figures.'));
    });
    document.head.append(script);
  });
  return loading;
}

/** Plotly puts its styles into the page; inside a shadow root they have to be given as well. */
function adoptStyles(root) {
  if (root.saccadePlotly || !root.adoptedStyleSheets) return;
  const source = document.getElementById('plotly.js-style-global');
  if (!source?.sheet) return;
  const copy = new CSSStyleSheet();
  for (const rule of source.sheet.cssRules) copy.insertRule(rule.cssText, copy.cssRules.length);
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, copy];
  root.saccadePlotly = true;
}

const AXIS = /^[xy]axis\d*$/;

/** The layout in the colours of the page's theme. */
function dressed(layout, styles) {
  const colour = (name) => styles.getPropertyValue(name).trim();
  const dress = structuredClone(layout);
  dress.font = { ...dress.font, color: colour('--ink') };
  dress.hoverlabel = { bgcolor: colour('--surface'), bordercolor: colour('--line-strong'), font: { color: colour('--ink'), size: 12.5 }, align: 'left' };
  for (const [name, axis] of Object.entries(dress)) {
    if (AXIS.test(name)) Object.assign(axis, { gridcolor: colour('--line'), linecolor: colour('--line-strong'), zerolinecolor: axis.zerolinecolor ?? colour('--line'), fixedrange: true });
  }
  return dress;
}

/** On a dark ground the two darkest colours of Okabe and Ito give way to their lighter neighbours. */
const LIGHTER = { '#0072B2': '#56B4E9', '#D55E00': '#E69F00' };

function recoloured(data, dark) {
  if (!dark) return structuredClone(data);
  return JSON.parse(JSON.stringify(data), (_, value) => (typeof value === 'string' ? (LIGHTER[value] ?? value) : value));
}

const CONFIG = { displayModeBar: false, responsive: false, showTips: false, doubleClick: false, scrollZoom: false };

/** One chart's place. It is drawn when it comes into sight, and again when its size, its theme or its figures change. */
export class Plot {
  #root;
  #figure = null;
  #address = '';
  #seen = false;
  #width = 0;
  #drawn = Promise.resolve();

  /** `root` is the page's own root, which carries the theme. */
  constructor(root) {
    this.#root = root;
    this.board = el('div', { class: 'rs-board' });
    this.node = el('div', { class: 'rs-plot', role: 'img' }, this.board);
    this.watch = new IntersectionObserver((entries) => {
      this.#seen = entries.at(-1).isIntersecting;
      if (this.#seen) this.redraw();
    }, { rootMargin: '300px' });
    this.watch.observe(this.node);
    this.sizes = new ResizeObserver(() => this.#seen && Math.abs(this.node.clientWidth - this.#width) > 1 && this.redraw());
    this.sizes.observe(this.node);
    this.theme = new MutationObserver(() => this.redraw());
    this.theme.observe(root, { attributes: true, attributeFilter: ['data-theme'] });
  }

  destroy() {
    this.watch.disconnect();
    this.sizes.disconnect();
    this.theme.disconnect();
    this.#figure = null;
    if (this.board.data) globalThis.Plotly?.purge(this.board);
  }

  set(figure, address, label) {
    this.#figure = figure;
    this.#address = address;
    this.node.setAttribute('aria-label', label);
    this.node.style.minHeight = `${figure.layout.height}px`;
    if (this.#seen) this.redraw();
  }

  /** One drawing after the other: Plotly does not like to be asked twice at once. */
  redraw() {
    this.#drawn = this.#drawn.then(() => this.#draw()).catch((error) => {
      this.node.classList.add('is-missing');
      this.node.dataset.why = error.message;
    });
    return this.#drawn;
  }

  async #draw() {
    if (!this.#figure || !this.node.isConnected || !this.node.clientWidth) return;
    const plotly = await library(this.#address);
    if (!this.#figure || !this.node.clientWidth) return;
    adoptStyles(this.node.getRootNode());
    this.node.classList.remove('is-missing');
    this.#width = this.node.clientWidth;
    const layout = { ...dressed(this.#figure.layout, getComputedStyle(this.#root)), width: this.#width };
    await plotly.react(this.board, recoloured(this.#figure.data, this.#root.dataset.theme === 'dark'), layout, CONFIG);
    // The whole chart is one picture to who cannot see it: nothing inside is to be reached.
    for (const part of this.board.querySelectorAll('[tabindex], a')) part.removeAttribute('tabindex');
  }

  /** The chart as an SVG file, in the colours that are on the screen. */
  async save(name) {
    await this.redraw();
    if (this.board.data) await globalThis.Plotly.downloadImage(this.board, { format: 'svg', filename: name, width: this.#width, height: this.#figure.layout.height });
  }
}
