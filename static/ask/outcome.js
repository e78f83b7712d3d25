/** What all draws together say: whether they agree, whether they are right, and where they are kept. */
import { el, fill } from '../viewer/dom.js';
import { icon } from '../viewer/icons.js';
import { count, plural } from '../viewer/words.js';
import { bar } from '../studies/pieces.js';
import { isOver, keptWords, percent, quoted } from './words.js';

const MOST_ANSWERS = 8;

/** Answers that are written alike, the most frequent first: [{ text, number, right }]; `text` is null where none was given. */
export function tally(draws) {
  const found = new Map();
  for (const { view, correct } of draws) {
    const text = view?.answer.text ?? null;
    const key = text === null ? '' : `=${text.trim().toLowerCase()}`;
    const one = found.get(key) ?? { text, number: 0, right: correct };
    one.number += 1;
    found.set(key, one);
  }
  return [...found.values()].sort((a, b) => b.number - a.number);
}

function answers(draws) {
  const found = tally(draws);
  const rows = found.slice(0, MOST_ANSWERS).map(({ text, number, right }) => el(
    'li',
    { class: 'ak-answer' },
    el('span', { class: `ak-answer-text${text === null ? ' is-missing' : ''}`, dir: 'auto', title: text, text: text ?? 'no answer' }),
    right === true ? icon('check') : right === false ? icon('cross') : null,
    el('span', { class: 'sc-figure', text: count(number) }),
    bar(number, draws.length),
  ));
  const more = found.length > MOST_ANSWERS ? el('li', { class: 'sc-quiet', text: `and ${plural(found.length - MOST_ANSWERS, 'other answer')}` }) : null;
  return el('ul', { class: 'ak-answers', 'aria-label': 'Answers' }, ...rows, more);
}

function agreementWords(agreement, ended) {
  if (!agreement) return ended < 2 ? 'To agree it takes two draws that have ended.' : 'Whether they agree cannot be told.';
  const { share, answer, count: number, n, pairs } = agreement;
  const alike = answer === null ? `${count(n)} draws, and no answer` : `${count(number)} of ${count(n)} answer ${quoted(answer)}`;
  return typeof share === 'number' ? `${alike}; ${percent(share)} of ${plural(pairs, 'pair')} agree${pairs === 1 ? 's' : ''}.` : `${alike}.`;
}

function passAtK(values, scored, ended) {
  if (!scored) return el('p', { class: 'sc-quiet', text: 'Right and wrong, and with them pass@k, need the right answer: give it before asking.' });
  if (!values?.length) return el('p', { class: 'sc-quiet', text: ended ? 'pass@k cannot be told: the answers could not be judged.' : 'pass@k comes when draws have ended.' });
  const cells = values.map(({ k, value }) => el('li', { class: 'ak-pass' }, el('span', { class: 'ak-pass-figure', text: percent(value) }), el('span', { class: 'sc-quiet', text: `pass@${k}` })));
  return el('ul', { class: 'ak-passes', 'aria-label': `pass@k of ${plural(values[0].n, 'draw')}` }, ...cells);
}

function section(title, ...children) {
  return el('section', { class: 'sc-section ak-outcome' }, el('h3', { text: title }), ...children);
}

export class Outcome {
  #drawn = '';

  constructor() {
    this.node = el('aside', { class: 'sc-info ak-outcomes', 'aria-label': 'All draws in figures', tabindex: '-1' });
  }

  /** `draws`: those that have ended; `scored`: a truth is known. */
  show(summary, draws, scored) {
    const key = JSON.stringify([summary, draws.map(({ draw, view, correct }) => [draw, view?.answer.text, correct])]);
    if (key === this.#drawn) return;
    this.#drawn = key;
    const right = draws.filter(({ correct }) => correct === true).length;
    const judged = draws.filter(({ correct }) => correct !== null).length;
    const verdict = scored && judged ? el('p', { text: `${count(right)} of ${count(judged)} right.` }) : null;
    fill(
      this.node,
      section('Agreement', el('p', { dir: 'auto', text: agreementWords(summary.agreement, summary.ended) }), draws.length ? answers(draws) : null),
      section('Right or wrong', verdict, passAtK(summary.pass_at_k, scored, summary.ended)),
      this.#kept(summary),
      el('section', { class: 'sc-section ak-outcome' }, el('p', { class: 'sc-quiet', text: 'Click a draw to see it large. [ and ] go from one to the next, G comes back here.' })),
    );
  }

  #kept(summary) {
    const { traces, state, samples } = summary;
    if (summary.not_stored) return section('Kept', el('p', { class: 'pg-note', text: summary.not_stored }));
    if (traces?.length) return section('Kept', el('p', { dir: 'auto', text: `${keptWords(summary)}${traces.length < samples ? `, of ${plural(samples, 'draw')}` : ''}. “Inspect” below a draw opens its trace.` }));
    return isOver(state) ? section('Kept', el('p', { class: 'sc-quiet', text: 'No trace of this run is stored.' })) : null;
  }
}
