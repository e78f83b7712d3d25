/** What differs between two versions of a study, in words. */
import { circleSize, listed, MEASURES, ORDERS, STEP_CHOICES } from './words.js';

const YES = { true: 'yes', false: 'no' };
const any = (values) => (values.length ? listed(values) : 'any');
const all = (number) => (number ? String(number) : 'all');

/** Settings that are one value each: the words for it, how to reach it, how to say it. */
const SINGLE = [
  ['Data sets', (s) => s.selection.datasets, any],
  ['Domains', (s) => s.selection.domains, any],
  ['Policies', (s) => s.selection.policies, any],
  ['Traces', (s) => s.selection.traces, all],
  ['Steps', (s) => s.selection.steps, (value) => STEP_CHOICES[value] ?? value],
  ['Steps of each trace', (s) => s.selection.steps_per_trace, all],
  ['Fewest words', (s) => s.selection.min_words, String],
  ['People a step', (s) => s.ratings_per_item, String],
  ['Circle', (s) => s.circle, (circle) => `${circleSize(circle)}, ${circle.color}`],
  ['In place of the coordinate', (s) => s.replacement, (text) => `“${text}”`],
  ['Order', (s) => s.order, (value) => ORDERS[value] ?? value],
  ['Own point first', (s) => s.own_point_first, (value) => YES[value]],
  ['Corrections', (s) => s.corrections, (value) => YES[value]],
  ['Question to the model shown', (s) => s.show_question, (value) => YES[value]],
  ['Minutes that a step is kept', (s) => s.lease_minutes, String],
  ['Seed', (s) => s.seed, String],
];

function same(a, b) {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** What is asked without its words, as the server compares it: ratings under versions that ask the same count together. */
export function asks(settings) {
  return JSON.stringify(settings.questions.map((q) => [q.id, q.measure, q.choices.map((c) => [c.value, c.score])]));
}

function choiceWords({ label, score }) {
  return `${label} (${score === null ? 'not scored' : `scores ${score}`})`;
}

function questionChanges(before, after) {
  const found = [];
  const name = `Question “${after.text}”`;
  if (before.text !== after.text) found.push(`A question reads “${after.text}” instead of “${before.text}”`);
  if (before.measure !== after.measure) found.push(`${name} counts as ${MEASURES[after.measure]} instead of ${MEASURES[before.measure]}`);
  if (!same(before.choices.map((c) => [c.value, c.label, c.score]), after.choices.map((c) => [c.value, c.label, c.score]))) {
    found.push(`${name} has the answers ${listed(after.choices.map(choiceWords))} instead of ${listed(before.choices.map(choiceWords))}`);
  } else if (!same(before.choices, after.choices)) {
    found.push(`${name} is answered by the keys ${after.choices.map((c) => c.key).join(' ')} instead of ${before.choices.map((c) => c.key).join(' ')}`);
  }
  if (before.low !== after.low || before.high !== after.high) found.push(`${name} has other words at the ends of its scale`);
  return found;
}

function questions(before, after) {
  const was = new Map(before.questions.map((q) => [q.id, q]));
  const is = new Map(after.questions.map((q) => [q.id, q]));
  const changed = after.questions.flatMap((q) => (was.has(q.id) ? questionChanges(was.get(q.id), q) : [`New question “${q.text}”`]));
  const gone = before.questions.filter((q) => !is.has(q.id)).map((q) => `No longer asked: “${q.text}”`);
  const moved = !changed.length && !gone.length && !same([...was.keys()], [...is.keys()]) ? ['The questions stand in another order'] : [];
  return [...changed, ...gone, ...moved];
}

function texts(before, after) {
  const found = [];
  if (before.instructions !== after.instructions) found.push('Other instructions');
  if (!same(before.examples, after.examples)) found.push(`Other worked examples (${after.examples.length} instead of ${before.examples.length})`);
  if (!same(before.skip_reasons, after.skip_reasons)) found.push('Other reasons for skipping');
  return found;
}

/** The differences from `before` to `after`, a phrase each; empty where both are the same. */
export function differences(before, after) {
  const single = SINGLE.filter(([, of]) => !same(of(before), of(after))).map(([title, of, say]) => `${title}: ${say(of(after))} instead of ${say(of(before))}`);
  return [...questions(before, after), ...single, ...texts(before, after)];
}

/** What becomes of the ratings so far when `after` follows on `before`: { words, apart }, without words where there are none. */
export function whatBecomes(before, after, version, ratings) {
  if (!ratings) return { words: '', apart: false };
  const stay = `The ratings so far stay with version ${version}`;
  if (asks(before) === asks(after)) return { words: `${stay} and go on counting, because the answers and their scores are the same.`, apart: false };
  return { words: `${stay} and are set apart, because other answers are asked for now: they are kept, and no longer counted.`, apart: true };
}
