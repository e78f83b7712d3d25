/** How many ratings there are and what became of them, with what each word means. */
import { el } from '../viewer/dom.js';
import { count, plural } from '../viewer/words.js';

const MEANING = {
  counting: ['count', 'They enter every figure here.'],
  skipped: ['skipped', 'The rater gave a reason not to judge. Never scored; the step went to somebody else.'],
  withdrawn: ['withdrawn', 'Undone by the rater, and not given again so far.'],
  surplus: ['surplus', 'They came after the step had all its ratings. Kept, and counted as soon as a place is free.'],
  set_apart: ['set apart', 'Of a trace that has changed or is gone, or of other questions than these. Kept, never mixed in.'],
};

function line(name, number) {
  const [word, meaning] = MEANING[name];
  return [el('dt', {}, el('b', { text: count(number) }), ` ${word}`), el('dd', { text: meaning })];
}

function unscored({ unscored: list, counting }) {
  return list.map(({ label, question, n }) => [el('dt', {}, el('b', { text: count(n) }), ` of them “${label}”`), el('dd', { text: `Given to the question “${question}”, of ${plural(counting, 'rating')}. Neither right nor wrong: counted, never scored.` })]);
}

function reasons({ skip_reasons: list }) {
  if (!list.length) return null;
  return el('div', { class: 'rs-reasons' }, el('h4', { text: 'Why steps were skipped' }), el('ul', { class: 'rs-list' }, ...list.map(({ reason, n }) => el('li', { dir: 'auto' }, el('b', { text: count(n) }), ` ${reason}`))));
}

/** The whole of it, as nodes. */
export function countsOf({ counts }) {
  const rows = [...line('counting', counts.counting), ...unscored(counts).flat(), ...['skipped', 'withdrawn', 'surplus', 'set_apart'].flatMap((name) => line(name, counts[name]))];
  const more = `${plural(counts.corrections, 'correction')} and ${plural(counts.comments, 'comment')} among those that count.`;
  return [el('p', { class: 'sc-quiet', text: `${plural(counts.ratings, 'rating')}, each rater’s newest about a step. ${more}` }), el('dl', { class: 'rs-counts' }, ...rows), reasons(counts)].filter(Boolean);
}
