/** Pieces that the pages of studies and of results have in common. */
import { button, el } from '../viewer/dom.js';

/** How far something is, as a bar; its words stand beside it. */
export function bar(done, whole) {
  const share = whole ? Math.min(1, done / whole) : 0;
  const fill = el('span', { class: 'pg-bar-fill' });
  fill.style.width = `${share * 100}%`;
  return el('span', { class: 'pg-bar', 'aria-hidden': 'true' }, fill);
}

/** What went wrong, in the server's sentence, with the way on. */
export function failure(title, error, again) {
  const signIn = error.status === 401 ? el('a', { class: 'sc-button', href: new URL('../../sign-in', import.meta.url).href, text: 'Sign in' }) : null;
  return el('section', { class: 'pg-empty is-error', role: 'alert' }, el('h2', { text: title }), el('p', { text: error.message }), signIn ?? button('Try again', again));
}

/** A sentence at the foot of the page for some seconds: gives back `say(text)`. */
export function toaster(root) {
  const node = el('p', { class: 'sc-toast pg-toast', role: 'status' });
  let timer = 0;
  root.append(node);
  return (text) => {
    clearTimeout(timer);
    node.textContent = text;
    node.classList.add('is-shown');
    timer = setTimeout(() => node.classList.remove('is-shown'), 5000);
  };
}

/**
 * A table. `columns`: [{ title, number }]; `rows`: lists of cells, each a node, a text, or null. The first cell heads its row.
 */
export function table(caption, columns, rows, options = {}) {
  const { class: extra = '', ...rest } = options;
  const head = columns.map(({ title, number = false, sort = null }) => el('th', { scope: 'col', class: number ? 'is-number' : '', 'aria-sort': sort }, title));
  const cell = (value, k) => el(k ? 'td' : 'th', { class: columns[k]?.number ? 'is-number' : '', scope: k ? null : 'row' }, value ?? '');
  const body = rows.map((row) => el('tr', {}, ...row.map(cell)));
  return el(
    'div',
    { class: 'pg-scroll', tabindex: '0', role: 'region', 'aria-label': `Table: ${caption}` },
    el('table', { class: `pg-table ${extra}`.trim(), ...rest }, el('caption', { class: 'sc-hidden', text: caption }), el('thead', {}, el('tr', {}, ...head)), el('tbody', {}, ...body)),
  );
}

/** Parts of a page to choose from by a row of tabs; arrows go from one to the next. */
export class Tabs {
  #tabs = new Map();
  #chosen;

  /** `tabs`: [[name, title]]; `pick(name)` is called for a tab that was chosen by a person. */
  constructor(label, tabs, pick) {
    this.node = el('div', { class: 'pg-tabs', role: 'tablist', 'aria-label': label });
    for (const [name, title] of tabs) {
      const tab = el('button', { type: 'button', class: 'pg-tab', role: 'tab', onclick: () => this.choose(name, pick) }, title);
      this.#tabs.set(name, tab);
      this.node.append(tab);
    }
    this.node.addEventListener('keydown', (event) => this.#key(event, pick));
    this.choose(tabs[0][0]);
  }

  get chosen() {
    return this.#chosen;
  }

  choose(name, pick = null) {
    this.#chosen = name;
    for (const [one, tab] of this.#tabs) {
      tab.setAttribute('aria-selected', String(one === name));
      tab.tabIndex = one === name ? 0 : -1;
    }
    pick?.(name);
  }

  #key(event, pick) {
    const names = [...this.#tabs.keys()];
    const at = names.indexOf(this.#chosen);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: names.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const name = names[(to + names.length) % names.length];
    this.choose(name, pick);
    this.#tabs.get(name).focus();
  }
}
