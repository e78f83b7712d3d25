/** On demand: the text as it was written, by whom, with its faults marked; and the audit of every coordinate's frame. */
import { el, fill } from './dom.js';
import { icon } from './icons.js';
import { fine, pair } from './words.js';

export const AUTHORS = {
  model: 'Model',
  injected: 'Injected into the model’s text',
  observation: 'Observation, by the environment',
};

/** Cuts characters (code points, as the server counts them) where faults begin and end: [{text, faults}]. */
export function cutAtFaults(text, faults, offset = 0) {
  const characters = Array.from(text);
  const inside = faults.filter(({ start, end }) => start < offset + characters.length && end > offset);
  const cuts = new Set([0, characters.length]);
  for (const { start, end } of inside) {
    cuts.add(Math.max(0, start - offset));
    cuts.add(Math.min(characters.length, end - offset));
  }
  const edges = [...cuts].sort((a, b) => a - b);
  const pieces = edges.slice(1).map((end, k) => ({
    text: characters.slice(edges[k], end).join(''),
    faults: inside.filter((fault) => fault.start < offset + end && fault.end > offset + edges[k]),
  }));
  return { pieces, length: characters.length };
}

function piece({ text, faults }) {
  if (!faults.length) return text;
  const titles = faults.map((fault) => fault.title).join(', ');
  return el('mark', { class: 'sc-fault-mark', title: titles, 'data-fault': faults[0].key, text });
}

function segment({ author, text }, faults, offset) {
  const { pieces, length } = cutAtFaults(text, faults, offset);
  const node = el(
    'div',
    { class: `sc-segment is-${author}` },
    el('p', { class: 'sc-author', text: AUTHORS[author] ?? author }),
    el('pre', { class: 'sc-raw', dir: 'auto', tabindex: '0' }, ...pieces.map(piece)),
  );
  return { node, length };
}

function turn({ index, segments }, faults) {
  const own = faults.filter((fault) => fault.turn === index && fault.start !== null);
  let offset = 0;
  const nodes = segments.map((one) => {
    const { node, length } = segment(one, own, offset);
    offset += length;
    return node;
  });
  return el('section', { class: 'sc-turn' }, el('h4', { text: `Turn ${index + 1}` }), ...nodes);
}

const COLUMNS = ['Step', 'Written', 'Grid', 'Original px', 'Error px'];

function auditRow({ number, audit }) {
  const cells = [audit.raw, pair(...audit.grid), pair(...audit.original), fine(audit.round_trip_error)];
  return el('tr', {}, el('th', { scope: 'row', text: number }), ...cells.map((text) => el('td', { text })));
}

function audit(view) {
  const rows = view.steps.filter((step) => step.audit);
  const { title, known_by: knownBy, grid, unit } = view.frame;
  const words = `The model speaks in ${title}, a grid of ${grid[0]} × ${grid[1]}. One grid unit is ${fine(unit[0])} × ${fine(unit[1])} px of the original.`;
  const head = el('thead', {}, el('tr', {}, ...COLUMNS.map((text) => el('th', { scope: 'col', text }))));
  const table = el('table', { class: 'sc-audit' }, el('caption', { class: 'sc-hidden', text: 'Frame audit' }), head, el('tbody', {}, ...rows.map(auditRow)));
  return [
    el('p', { class: 'sc-quiet', text: words }),
    el('p', { class: 'sc-quiet', text: `How the frame is known: ${knownBy}` }),
    rows.length ? el('p', { class: 'sc-quiet', text: 'The error is that of the way from the grid to the original and back.' }) : null,
    rows.length ? el('div', { class: 'sc-scroll-x', tabindex: '0', role: 'region', 'aria-label': 'Frame audit' }, table) : el('p', { class: 'sc-quiet', text: 'No coordinate to check.' }),
  ];
}

/** A part that is filled when it is first opened. */
function onDemand(name, title, make) {
  const body = el('div', { class: 'sc-demand-body' });
  const node = el('details', { class: `sc-demand is-${name}` }, el('summary', {}, icon('right'), el('span', { text: title })), body);
  const once = () => {
    if (node.open && !body.childNodes.length) fill(body, make());
  };
  node.addEventListener('toggle', once);
  node.reveal = () => {
    node.open = true;
    once();
  };
  return node;
}

function origin({ kind, file, line, place }) {
  const parts = [kind, file, line ? `line ${line}` : '', place].filter(Boolean);
  return parts.length ? el('p', { class: 'sc-quiet sc-origin', text: `From: ${parts.join(' · ')}` }) : null;
}

/** The parts on demand; `showFault(key)` opens the raw text and has `scrollTo(mark)` bring the fault into sight. */
export function demands(view, name, scrollTo) {
  const faults = view.faults.map((fault, key) => ({ ...fault, key: String(key) }));
  const raw = onDemand('raw', 'Raw text', () => view.turns.map((one) => turn(one, faults)));
  const frame = onDemand('frame', 'Frame audit', () => audit(view));
  const words = onDemand('words', 'Overlay as text', () => [overlayText(view)]);
  const node = el('section', { class: 'sc-section sc-demands', 'aria-label': `More of the ${name}` }, raw, frame, words, origin(view.origin));
  const showFault = (key) => {
    raw.reveal();
    const mark = [...raw.querySelectorAll('[data-fault]')].find((one) => one.dataset.fault === key);
    mark?.closest('pre').focus({ preventScroll: true });
    scrollTo(mark ?? raw);
  };
  return { node, showFault };
}

function overlayText(view) {
  if (!view.overlay_text.length) return el('p', { class: 'sc-quiet', text: 'No point, no look: there is nothing on the picture.' });
  return el('ul', { class: 'sc-overlay-text' }, ...view.overlay_text.map((text) => el('li', { text })));
}
