/** A chart with everything that belongs to it: its words, its table, and the files of that table. */
import { button, el, fill } from '../viewer/dom.js';
import { icon } from '../viewer/icons.js';
import { Plot } from './plot.js';

/** Links to a table of the results as files. `address(table, kind)` gives their address. */
export function downloads(table, title, address) {
  const link = (kind, words) => el('a', { class: 'rs-file', href: address(table, kind), download: '', 'aria-label': `${title} as ${words}` }, words);
  return el('span', { class: 'rs-files' }, icon('save'), link('csv', 'CSV'), link('jsonl', 'JSONL'));
}

export class Chart {
  #plot;
  #root;

  /** `root` is the page's root. */
  constructor(root) {
    this.#root = root;
    this.title = el('h3', {});
    this.files = el('span', {});
    this.saver = button('SVG', () => this.#plot?.save(this.name), { class: 'is-bare rs-svg' });
    this.words = el('p', { class: 'rs-words' });
    this.place = el('div', {});
    this.table = el('div', { class: 'rs-table-place' });
    this.fold = el('details', { class: 'rs-fold' }, el('summary', {}, icon('right'), 'Table'), this.table);
    this.node = el('figure', { class: 'pg-card rs-chart' }, el('figcaption', { class: 'rs-chart-head' }, this.title, el('span', { class: 'rs-chart-tools' }, this.saver, this.files)), this.words, this.place, this.fold);
  }

  destroy() {
    this.#plot?.destroy();
  }

  /** `chart` is one of the server's; `table` the same figures as a node (null for none); `words` are said above it. */
  show(chart, { plotly, address, table = null, words = '' }) {
    this.name = chart.id;
    this.node.dataset.chart = chart.id;
    if (this.title.textContent !== chart.title) this.title.textContent = chart.title;
    fill(this.files, downloads(chart.table, chart.title, address));
    this.saver.setAttribute('aria-label', `${chart.title} as SVG picture`);
    this.saver.hidden = !chart.plotly;
    this.words.textContent = [words, chart.words].filter(Boolean).join(' ');
    this.words.hidden = !this.words.textContent;
    this.place.hidden = !chart.plotly;
    this.fold.hidden = table === null;
    fill(this.table, table);
    if (chart.plotly) {
      this.#plot ??= new Plot(this.#root);
      if (!this.#plot.node.isConnected) fill(this.place, this.#plot.node);
      this.#plot.set(chart.plotly, plotly, `${chart.title}. ${chart.alt}`);
    }
  }
}
