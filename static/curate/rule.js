/** A rule as values and as text. Writing is done here, so that the text follows every move at once; reading is done by the server. */

/** The conditions in the order in which they are asked, as the program has them (annotations/curation/rules.py). */
export const CONDITIONS = [
  { name: 'accurate', sign: '>=', kind: 'share', title: 'Accurate steps', hint: 'share, by majority', words: 'Share of the steps with an answer that more than half of the people find accurate', start: 0.8, step: 0.05 },
  { name: 'helpful', sign: '>=', kind: 'mean', title: 'Helpfulness', hint: 'mean over the steps', words: 'Mean of the means of the steps', start: 3.5, step: 0.1 },
  { name: 'answer', sign: '=', kind: 'answer', title: 'Answer', hint: 'by the sample’s truth', words: 'Whether the answer is right', start: 'right' },
  { name: 'agreement', sign: '>=', kind: 'share', title: 'Agreement', hint: 'pairs who answer alike', words: 'Share of pairs of people who gave the same answer about accuracy, mean over the steps', start: 0.7, step: 0.05 },
  { name: 'raters', sign: '>=', kind: 'count', title: 'People', hint: 'who rated the trace', words: 'Different people whose ratings of the trace count', start: 2, most: 20 },
  { name: 'steps_rated', sign: '>=', kind: 'share', title: 'Steps rated', hint: 'share, by so many people', words: 'Share of the asked steps that as many people rated as stands above, or at least one', start: 1, step: 0.05 },
  { name: 'faults', sign: '<=', kind: 'count', title: 'Faults', hint: 'at most', words: 'Departures from the format', start: 0, most: 20 },
  { name: 'looks', sign: '>=', kind: 'count', title: 'Looks', hint: 'at least', words: 'Zooms of the trace', start: 1, most: 20 },
  { name: 'domain', sign: '=', kind: 'names', title: 'Domain' },
  { name: 'dataset', sign: '=', kind: 'names', title: 'Data set' },
  { name: 'policy', sign: '=', kind: 'names', title: 'Model' },
];

export const EVERY = 'any';
const PLAIN = /^[^\s",|=<>]+$/u;
const DECIMALS = 9;

/** A number as the rule's text has it: no exponent, no fraction that says nothing. */
export function numberText(value) {
  const text = Number(value).toFixed(DECIMALS);
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

function nameText(name) {
  return PLAIN.test(name) ? name : JSON.stringify(name);
}

function conditionText({ name, sign, kind }, value) {
  if (kind === 'answer') return value;
  if (kind === 'names') return `${name}${sign}${value.map(nameText).join('|')}`;
  return `${name}${sign}${numberText(value)}`;
}

/** The text of a rule. `values`: name of a condition to its value; what is not in it is not asked. */
export function ruleText(values) {
  const asked = CONDITIONS.filter(({ name, kind }) => name in values && (kind !== 'names' || values[name].length));
  return asked.map((condition) => conditionText(condition, values[condition.name])).join(', ') || EVERY;
}
