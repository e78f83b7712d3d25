/** The raters as a table that can be sorted by any of its columns. */
import { button, el, fill, keepFocus } from '../viewer/dom.js';
import { count } from '../viewer/words.js';
import { table } from '../studies/pieces.js';
import { decimals, figure } from './words.js';

const share = ({ value, n }, unit) => (value === null ? '–' : `${figure(value, unit)}, n = ${count(n)}`);
const same = (row, question) => row.agreement.find((one) => one.question === question);

/** Title, what it sorts by, what it says; `number` for figures. */
function columns(document) {
  const units = new Map(document.headlines.map((one) => [one.id, one.unit]));
  const questions = [...new Map(document.agreement.map((one) => [one.question, one.title])).keys()];
  const counts = [['Rated', 'rated'], ['Skipped', 'skipped'], ['Unsure', 'unsure'], ['Corrected', 'corrected'], ['Withdrawn', 'withdrawn'], ['Surplus', 'surplus'], ['Set apart', 'set_apart']];
  return [
    { title: 'Rater', by: (row) => row.rater, say: (row) => el('span', { dir: 'auto', text: row.rater }) },
    ...counts.map(([title, name]) => ({ title, number: true, by: (row) => row[name], say: (row) => count(row[name]) })),
    { title: 'Median time', number: true, by: (row) => row.seconds.median, say: (row) => decimals(row.seconds.median, 1, ' s') },
    ...[['Accuracy', 'accuracy'], ['Helpfulness', 'helpfulness']].filter(([, name]) => units.has(name)).map(([title, name]) => ({ title, number: true, by: (row) => row[name].value, say: (row) => share(row[name], units.get(name)) })),
    ...questions.map((question) => ({
      title: `Same as others: ${question}`,
      number: true,
      by: (row) => same(row, question)?.same ?? null,
      say: (row) => (same(row, question)?.same == null ? '–' : `${figure(same(row, question).same, 'share')}, ${count(same(row, question).pairs)} pairs`),
    })),
    { title: 'By keys alone', number: true, by: (row) => row.keys_only.value, say: (row) => (row.keys_only.value === null ? '–' : figure(row.keys_only.value, 'share')) },
  ];
}

export class Raters {
  #document = null;
  #sort = 0;
  #down = false;

  constructor() {
    this.node = el('div', { class: 'rs-raters' });
  }

  show(document) {
    this.#document = document;
    this.#draw();
  }

  #sorted(all) {
    const { by } = all[this.#sort];
    const sign = this.#down ? -1 : 1;
    const compare = (a, b) => {
      const [x, y] = [by(a), by(b)];
      // Who has no figure stands last, whichever way it is sorted.
      if (x === null || y === null) return (x === null) - (y === null);
      return sign * (typeof x === 'string' ? x.localeCompare(y) : x - y);
    };
    return [...this.#document.raters].sort(compare);
  }

  #pick(k, number) {
    this.#down = this.#sort === k ? !this.#down : Boolean(number);
    this.#sort = k;
    this.#draw();
  }

  #draw() {
    const { raters } = this.#document;
    if (!raters.length) return fill(this.node, el('p', { class: 'sc-quiet', text: 'Nobody has rated yet.' }));
    const all = columns(this.#document);
    this.#sort = Math.min(this.#sort, all.length - 1);
    const heads = all.map(({ title, number = false }, k) => {
      const here = k === this.#sort;
      const sign = here ? el('span', { class: 'rs-sort', 'aria-hidden': 'true', text: this.#down ? '▾' : '▴' }) : null;
      return { number, sort: here ? (this.#down ? 'descending' : 'ascending') : null, title: button([title, sign].filter(Boolean), () => this.#pick(k, number), { class: 'is-bare rs-sorter', 'data-key': `sort-${k}` }) };
    });
    const rows = this.#sorted(all).map((row) => all.map(({ say }) => say(row)));
    return keepFocus(this.node, () => fill(this.node, table('Raters', heads, rows)));
  }
}
