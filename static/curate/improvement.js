/** One improvement: how it stands, its runs, and in the end the new policy beside the old one. */
import { button, el } from '../viewer/dom.js';
import { count, plural } from '../viewer/words.js';
import { table } from '../studies/pieces.js';
import { since, stepWords } from '../train/words.js';

const COLUMNS = [{ title: 'Questions' }, { title: 'n', number: true }, { title: 'New', number: true }, { title: 'Before', number: true }, { title: 'Difference (95 %)', number: true }, { title: 'p', number: true }];
const TAGS = { going: 'is-on', stopped: '', ended: 'is-warn', done: 'is-done' };

function share(value) {
  return `${(100 * value).toFixed(1)} %`;
}

function points(value) {
  return `${value < 0 ? '−' : '+'}${Math.abs(100 * value).toFixed(1)}`;
}

function difference({ difference: apart, interval }) {
  return interval ? `${points(apart)} (${points(interval[0])} to ${points(interval[1])})` : points(apart);
}

/** A training that belongs to it, with the way to its curves. */
function half({ id, name, kind_words: kind, state_words: state, left, ...run }) {
  const address = new URL(`../../?${new URLSearchParams({ training: id })}`, import.meta.url).href;
  const words = [kind, state, run.going && run.steps ? stepWords(run) : '', left].filter(Boolean).join(' · ');
  return el('li', {}, el('a', { href: address, 'data-key': `half-${id}`, 'aria-label': `${name} under Train`, text: name }), ` ${words}`);
}

function verdict({ verdict: every, caution, policy }) {
  if (!every.length) return [];
  const rows = every.map((one) => [one.title, count(one.n), share(one.new), share(one.old), difference(one), one.p.toFixed(4)]);
  const words = every.map((one) => el('p', { class: 'cu-conclusion' }, el('strong', { text: `${one.title}: ` }), one.conclusion));
  const [{ than }] = every;
  const offered = policy?.offered ? el('p', { class: 'sc-quiet', text: `${policy.name} is offered on Ask, beside ${than}.` }) : null;
  return [table('The new policy beside the one before', COLUMNS, rows), ...words, caution ? el('p', { class: 'sc-quiet', text: caution }) : null, offered];
}

export function improvementRow(one, act) {
  const { id, name, state, state_words: words } = one;
  const tools = [];
  if (one.can_stop) tools.push(button(words === 'Stopping' ? 'End at once' : 'Stop', () => act('POST', id, '/stop'), { 'data-key': `stop-${id}` }));
  if (one.can_go_on) tools.push(button('Go on', () => act('POST', id, '/go-on'), { class: 'st-primary', 'data-key': `go-on-${id}` }));
  if (one.can_forget) tools.push(button('Take away', () => act('DELETE', id, ''), { 'data-key': `forget-${id}` }));
  const from = [plural(one.records, 'record'), one.study, one.begun === null ? '' : since(one.begun)].filter(Boolean).join(' · ');
  const said = one.words ? el('p', { class: state === 'going' ? 'pg-note is-calm' : 'pg-note', text: one.words }) : null;
  const output = one.output && state !== 'done' ? el('details', { class: 'cu-output' }, el('summary', { text: 'What its process said', 'data-key': `said-${id}` }), el('pre', { class: 'st-words', tabindex: '0', role: 'region', 'aria-label': `What the process of ${name} said`, dir: 'auto', text: one.output })) : null;
  return el(
    'li',
    { class: 'cu-improvement', 'data-improvement': name },
    el('div', { class: 'cu-improvement-head' }, el('h4', { dir: 'auto', text: name }), el('span', { class: `pg-tag ${TAGS[state] ?? ''}`, text: words }), el('div', { class: 'cu-tools' }, ...tools)),
    el('p', { class: 'cu-improvement-from' }, from, ' ', el('code', { text: one.rule })),
    one.runs.length ? el('ul', { class: 'cu-halves' }, ...one.runs.map(half)) : null,
    said,
    ...verdict(one),
    output,
  );
}
