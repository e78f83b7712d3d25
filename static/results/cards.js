/** The headline figures: value, interval, n, the paper's beside it, and how far it hangs on one rater. */
import { el, svg } from '../viewer/dom.js';
import { ends, figure, rests } from './words.js';

const WIDTH = 240;
const TALL = 44;

/** Ours above and the paper's below on the whole scale, each with its interval; shapes differ as in the charts. */
function strip(found, interval) {
  const x = (value) => 6 + ((value - found.low) / (found.high - found.low)) * (WIDTH - 12);
  const bar = (one, y, name) => (one.low === null ? null : svg('line', { class: `rs-strip-bar ${name}`, x1: x(one.low), x2: x(one.high), y1: y, y2: y }));
  const parts = [svg('line', { class: 'rs-strip-axis', x1: 6, x2: WIDTH - 6, y1: TALL / 2, y2: TALL / 2 })];
  if (found.value !== null) parts.push(bar(interval, 12, 'is-ours'), svg('circle', { class: 'rs-strip-dot is-ours', cx: x(found.value), cy: 12, r: 5 }));
  if (found.paper) {
    const at = x(found.paper.value);
    parts.push(bar(found.paper, 32, 'is-paper'), svg('path', { class: 'rs-strip-dot is-paper', d: `M${at} 26l6 6l-6 6l-6-6z` }));
  }
  return svg('svg', { class: 'rs-strip', viewBox: `0 0 ${WIDTH} ${TALL}`, 'aria-hidden': 'true' }, ...parts.filter(Boolean));
}

function scaleWords(found) {
  const one = (value) => (found.unit === 'share' ? `${value * 100} %` : String(value));
  return el('p', { class: 'rs-scale', 'aria-hidden': 'true' }, el('span', { text: one(found.low) }), el('span', { text: one(found.high) }));
}

function paperLine({ paper, unit }) {
  if (!paper) return null;
  return el('p', { class: 'rs-line', title: paper.source }, el('span', { class: 'rs-key is-paper', 'aria-hidden': 'true' }), `The paper: ${figure(paper.value, unit)} ${ends(paper, unit)}, ${paper.n} people`);
}

function withoutLine(left, unit) {
  if (!left) return null;
  if (!left.lowest) return el('p', { class: 'rs-line', text: left.words });
  const { lowest, highest } = left;
  return el('p', { class: 'rs-line rs-without' }, 'Without one rater: ', el('b', { text: figure(lowest.value, unit) }), ' without ', el('bdi', { text: lowest.rater }), ' to ', el('b', { text: figure(highest.value, unit) }), ' without ', el('bdi', { text: highest.rater }));
}

function card(found, left, which) {
  const interval = found.intervals[which];
  const { value, unit } = found;
  const words = [found.words, value === null ? '' : interval.words].filter(Boolean).join(' ');
  const given = ends(interval, unit);
  return el(
    'section',
    { class: 'pg-card rs-card', 'aria-label': found.title, 'data-figure': found.id },
    el('h3', { text: found.title }),
    value === null
      ? el('p', { class: 'rs-none', text: 'No figure yet' })
      : el('p', { class: 'rs-value' }, el('span', { class: 'rs-number', text: figure(value, unit) }), given ? el('span', { class: 'rs-interval', text: given }) : null),
    el('p', { class: 'rs-line rs-n' }, el('span', { class: 'rs-key is-ours', 'aria-hidden': 'true' }), rests(found.n)),
    strip(found, interval),
    scaleWords(found),
    paperLine(found),
    value === null ? null : withoutLine(left, unit),
    words ? el('p', { class: value === null ? 'rs-line' : 'rs-caution', text: words }) : null,
  );
}

/** All headline cards of a document of results; `which` interval: both, trace or rater. */
export function cards(document, which) {
  const left = new Map(document.leave_one_out.map((entry) => [entry.figure, entry]));
  return document.headlines.map((found) => card(found, left.get(found.id), which));
}
