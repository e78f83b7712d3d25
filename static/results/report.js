/** Everything that the results of a study say, from the headline to the last table. What a person opened stays open when figures change. */
import { button, el, fill } from '../viewer/dom.js';
import { plural } from '../viewer/words.js';
import { Tabs } from '../studies/pieces.js';
import { cards } from './cards.js';
import { Chart, downloads } from './chart.js';
import { countsOf } from './counts.js';
import { pointsOf } from './points.js';
import { Raters } from './raters.js';
import { tableOf } from './tables.js';

const INTERVALS = [['both', 'traces and raters'], ['trace', 'traces'], ['rater', 'raters']];

/** A part of the page: heading, what it says in general, content. */
function part(id, title, ...children) {
  return el('section', { class: 'rs-part', 'aria-label': title, 'data-part': id }, el('h3', { class: 'rs-part-title', text: title }), ...children);
}

/** How figures are made and to be read, a click away. */
function notes(document, ...names) {
  const texts = names.map((name) => document.notes[name]).filter(Boolean);
  return el('details', { class: 'rs-notes' }, el('summary', { text: 'How to read this' }), ...texts.map((text) => el('p', { text })));
}

export class Report {
  #charts = new Map();
  #raters = new Raters();
  #breakdowns = null;
  #names = '';
  #which = 'both';
  #document = null;
  #open = new Set();
  #address;
  #root;

  /** `address(table, kind)` is where a table is found as a file. */
  constructor(root, address) {
    this.#root = root;
    this.#address = address;
    this.node = el('div', { class: 'rs-report' });
    this.cards = el('div', { class: 'rs-cards' });
    this.intervals = el('div', { class: 'rs-intervals', role: 'group', 'aria-label': '95 % intervals over' });
    this.node.addEventListener('toggle', (event) => this.#toggled(event.target), { capture: true });
  }

  destroy() {
    for (const chart of this.#charts.values()) chart.destroy();
  }

  /** Notes are drawn anew with the figures: which of them are open is remembered by their part. */
  #toggled(details) {
    const name = details.matches?.('.rs-notes') && details.closest('[data-part]')?.dataset.part;
    if (!name) return;
    if (details.open) this.#open.add(name);
    else this.#open.delete(name);
  }

  show(document) {
    this.#document = document;
    const { counts } = document;
    fill(this.node, counts.ratings ? null : this.#empty(), this.#headline(), counts.ratings ? this.#counted() : null, counts.counting ? this.#parts() : null, this.#tables());
    for (const name of this.#open) this.node.querySelector(`[data-part="${name}"] > .rs-notes`)?.setAttribute('open', '');
  }

  #empty() {
    const link = new URL(`../../rate?study=${this.#document.study.id}`, import.meta.url).href;
    return el('section', { class: 'pg-card rs-empty' }, el('h3', { text: 'Nobody has rated yet' }), el('p', {}, 'Send raters the link ', el('a', { href: link, text: link }), '. What they say stands here some seconds later; until then every figure says why it is missing.'));
  }

  #headline() {
    fill(this.intervals, el('span', { class: 'sc-quiet', text: '95 % intervals over' }), INTERVALS.map(([name, words]) => button(words, () => this.#setInterval(name), { 'aria-pressed': String(name === this.#which), 'data-key': `interval-${name}` })));
    fill(this.cards, cards(this.#document, this.#which));
    return part('headline', 'Headline figures', this.intervals, this.cards, notes(this.#document, this.#which, 'wilson', 'unscored', 'helpfulness', 'leave_one_out'));
  }

  #setInterval(name) {
    this.#which = name;
    const old = this.node.querySelector('[data-part="headline"]');
    old.replaceWith(this.#headline());
    this.intervals.querySelector(`[data-key="interval-${name}"]`).focus();
  }

  #counted() {
    return part('counts', 'What was rated', el('div', { class: 'pg-card' }, ...countsOf(this.#document)));
  }

  #chart(chart, words = '') {
    if (!this.#charts.has(chart.id)) this.#charts.set(chart.id, new Chart(this.#root));
    const made = this.#charts.get(chart.id);
    made.show(chart, { plotly: this.#document.plotly, address: this.#address, table: tableOf(chart, this.#document), words });
    return made.node;
  }

  #of(test) {
    return this.#document.figures.filter((chart) => test(chart.id));
  }

  #grid(...ids) {
    const charts = ids.flatMap((id) => this.#of((one) => one === id));
    return el('div', { class: 'rs-grid' }, ...charts.map((chart) => this.#chart(chart)));
  }

  #parts() {
    const found = this.#document;
    return [
      part('paper', 'Beside the paper', this.#grid('accuracy', 'helpfulness')),
      part('answers', 'The answers', el('div', { class: 'rs-grid' }, ...this.#of((id) => id.startsWith('answers_')).map((chart) => this.#chart(chart)))),
      part('breakdowns', 'Where they differ', this.#broken(), notes(found, 'breakdowns', 'both')),
      part('pairs', 'Policies in pairs', this.#grid('pairs'), notes(found, 'pairs')),
      part('influence', 'What hangs on one rater', this.#grid('leave_one_out'), notes(found, 'leave_one_out')),
      part('agreement', 'Agreement', this.#agreement(), this.#grid('agreement'), notes(found, 'agreement')),
      part('points', 'Corrected points', this.#corrected(), notes(found, 'points')),
      part('raters', 'Raters', el('div', { class: 'pg-card' }, this.#ratersHead(), this.#ratersTable()), this.#grid('speed', 'drift'), notes(found, 'raters')),
    ];
  }

  /** One chart at a time of those that tell values apart; those that do not say so in a line. */
  #broken() {
    const charts = this.#of((id) => id.startsWith('by_'));
    const drawn = charts.filter((chart) => chart.plotly);
    const rest = charts.filter((chart) => !chart.plotly && chart.words);
    const words = rest.length ? el('p', { class: 'sc-quiet', text: rest.map((chart) => chart.words).join(' ') }) : null;
    if (!drawn.length) return el('div', { class: 'pg-card' }, words);
    const names = drawn.map(({ id, title }) => [id, title.replace(/^By /, '').replace(/^./, (first) => first.toUpperCase())]);
    const board = el('div', {});
    const show = (name) => fill(board, this.#chart(drawn.find((chart) => chart.id === name)));
    if (this.#names !== JSON.stringify(names)) {
      const before = this.#breakdowns?.chosen;
      this.#names = JSON.stringify(names);
      this.#breakdowns = new Tabs('What is told apart', names, (name) => this.#pickBreakdown(name));
      if (names.some(([name]) => name === before)) this.#breakdowns.choose(before);
    }
    this.#pickBreakdown = show;
    show(this.#breakdowns.chosen);
    return el('div', { class: 'rs-stack' }, this.#breakdowns.node, board, words);
  }

  #pickBreakdown = () => {};

  /** What the coefficients say, in a sentence each. */
  #agreement() {
    const lines = this.#document.agreement.flatMap((one) => [
      one.words ? el('li', { dir: 'auto', text: `${one.title} ${one.words}` }) : null,
      ...one.coefficients.filter((entry) => entry.value !== null && entry.reading).map((entry) => el('li', { dir: 'auto' }, el('b', { text: `${entry.title} ${entry.value.toFixed(2).replace('-', '−')}` }), ` on ${plural(one.n.steps, 'step')}, “${one.title}”${one.level === 'ordinal' ? '' : ', unscored answers included'}: ${entry.reading}`)),
    ]).filter(Boolean);
    return lines.length ? el('ul', { class: 'pg-card rs-readings' }, ...lines) : null;
  }

  #corrected() {
    const grid = this.#grid('corrections');
    grid.append(...[pointsOf(this.#document)].filter(Boolean));
    return grid;
  }

  #ratersHead() {
    return el('div', { class: 'rs-chart-head' }, el('h4', { text: plural(this.#document.raters.length, 'person', 'people') }), downloads('raters', 'Raters', this.#address));
  }

  #ratersTable() {
    this.#raters.show(this.#document);
    return this.#raters.node;
  }

  #tables() {
    const { tables, study, seed, resamples } = this.#document;
    const rows = tables.map(({ name, title, rows: number }) => el('li', {}, el('span', { class: 'rs-table-name', text: title }), el('span', { class: 'sc-quiet', text: plural(number, 'row') }), downloads(name, title, this.#address)));
    const versions = study.versions.length ? `Guideline version${study.versions.length > 1 ? 's' : ''} ${study.versions.join(', ')}` : 'No rating that counts';
    const about = `${versions}; seed ${seed}; ${plural(resamples, 'resample')}. Every row of a file tells this too. The same figures: python3 launch.py results --json`;
    return part('tables', 'Every table as a file', el('div', { class: 'pg-card' }, el('ul', { class: 'rs-tables' }, ...rows), el('p', { class: 'sc-quiet rs-about', text: about })));
  }
}
