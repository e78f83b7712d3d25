/** What is wrong with settings, beside the field it is wrong in: the rules of annotations/studies/settings.py, said before they are sent. */

const MOST = { pixels: 2000, 'percent of width': 100 };

function number(found, path, value, low, high, sentence) {
  if (!(typeof value === 'number' && Number.isFinite(value) && value >= low && value <= high)) found.set(path, sentence);
}

function selection(found, { traces, steps_per_trace: each, min_words: words }) {
  const whole = 'Write a whole number from 0 up; 0 or nothing stands for all.';
  if (!(Number.isInteger(traces) && traces >= 0)) found.set('selection.traces', whole);
  if (!(Number.isInteger(each) && each >= 0)) found.set('selection.steps_per_trace', whole);
  if (!(Number.isInteger(words) && words >= 0)) found.set('selection.min_words', 'Write a whole number from 0 up.');
}

function choices(found, question, path, keys) {
  const values = question.choices.map((choice) => choice.value);
  question.choices.forEach((choice, k) => {
    const at = `${path}.choices.${k}`;
    if (!/^\S{1,40}$/.test(choice.value)) found.set(`${at}.value`, 'The name in the data has 1 to 40 signs and no blanks.');
    else if (values.indexOf(choice.value) < k) found.set(`${at}.value`, `Two answers are called ${choice.value}: give each a name of its own.`);
    if ([...choice.key].length !== 1 || !choice.key.trim()) found.set(`${at}.key`, 'One sign.');
    else if (keys.has(choice.key)) found.set(`${at}.key`, `${choice.key} is taken.`);
    keys.add(choice.key);
    if (!choice.label.trim()) found.set(`${at}.label`, 'Write the answer.');
    if (choice.score !== null && !Number.isFinite(choice.score)) found.set(`${at}.score`, 'A number, or nothing.');
  });
}

function scores(found, question, path) {
  const given = new Set(question.choices.map((choice) => choice.score).filter((score) => score !== null));
  if (question.choices.length < 2) found.set(`${path}.choices`, 'A question needs at least two answers.');
  else if (question.measure === 'accuracy' && !(given.size === 2 && given.has(0) && given.has(1))) found.set(`${path}.choices`, 'For accuracy the answers score 0 and 1, or nothing (then they are counted and never scored).');
  else if (given.size < 2) found.set(`${path}.choices`, 'At least two answers need different scores, or nothing can be counted.');
}

function questions(found, list) {
  const keys = new Set();
  const ids = list.map((question) => question.id);
  if (!list.length) found.set('questions', 'A study needs at least one question: add one.');
  list.forEach((question, k) => {
    const path = `questions.${k}`;
    if (!question.text.trim()) found.set(`${path}.text`, 'Write the question.');
    if (!/^[a-z][a-z0-9_]{0,40}$/.test(question.id)) found.set(`${path}.id`, 'Small letters, digits and underscores, a letter first.');
    else if (ids.indexOf(question.id) < k) found.set(`${path}.id`, `Two questions are called ${question.id}: give each a name of its own.`);
    choices(found, question, path, keys);
    scores(found, question, path);
  });
}

function examples(found, settings) {
  settings.examples.forEach((example, k) => {
    const path = `examples.${k}`;
    if (!example.picture) found.set(`${path}.picture`, 'Choose a picture.');
    if (!example.sentence.trim()) found.set(`${path}.sentence`, 'Write the sentence that is judged.');
    if (!Number.isFinite(example.x) || !Number.isFinite(example.y)) found.set(`${path}.point`, 'Write two numbers: pixels from the left and from the top.');
  });
}

/** Path of a field to the sentence that stands beside it; empty for settings that the server takes. */
export function check(settings) {
  const found = new Map();
  selection(found, settings.selection);
  number(found, 'ratings_per_item', settings.ratings_per_item, 1, 100, 'Each step is rated by 1 to 100 people.');
  if (!found.has('ratings_per_item') && !Number.isInteger(settings.ratings_per_item)) found.set('ratings_per_item', 'Write a whole number of people.');
  const { diameter, unit, color } = settings.circle;
  const most = MOST[unit] ?? 2000;
  number(found, 'circle.diameter', diameter, 1e-9, most, `More than 0 and at most ${most.toLocaleString('en-GB')}.`);
  if (!/^#[0-9a-f]{6}$/i.test(color)) found.set('circle.color', 'Written as #rrggbb, for example #00BFFF.');
  if (!settings.replacement.trim()) found.set('replacement', 'Write what stands for the coordinate, for example [shown with blue circle].');
  number(found, 'lease_minutes', settings.lease_minutes, 0.01, 10_080, 'Between 0.01 and 10,080 minutes (a week).');
  if (!Number.isSafeInteger(settings.seed)) found.set('seed', 'Write a whole number.');
  questions(found, settings.questions);
  examples(found, settings);
  return found;
}
