/** Numbers and states in words. */

const COUNT = new Intl.NumberFormat('en-GB');

export function count(number) {
  return COUNT.format(number);
}

export function plural(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/** A coordinate with one decimal at most: 287.7, 290. */
export function px(value) {
  return String(Math.round(value * 10) / 10);
}

export function pair(x, y) {
  return `(${px(x)}, ${px(y)})`;
}

/** A component of a reward: two decimals, a real minus sign. */
export function score(value) {
  return value.toFixed(2).replace('-', '−');
}

/** Three decimals at most, for errors far below a pixel. */
export function fine(value) {
  return String(Math.round(value * 1000) / 1000);
}

export function verdictWord(correct) {
  if (correct === true) return 'right';
  return correct === false ? 'wrong' : 'unscored';
}

/** How far and over which edges a point lies outside a picture: '120 px beyond the right edge'. */
export function beyond(point, size) {
  const words = [
    [-point.x, 'beyond the left edge'],
    [point.x - size.width, 'beyond the right edge'],
    [-point.y, 'above the top edge'],
    [point.y - size.height, 'below the bottom edge'],
  ];
  return words
    .filter(([distance]) => distance > 0)
    .map(([distance, edge]) => `${COUNT.format(Math.max(1, Math.round(distance)))} px ${edge}`)
    .join(' and ');
}

/** 'steps 2 and 5', 'step 3', 'steps 1, 2 and 7' */
export function steps(numbers) {
  if (numbers.length === 1) return `step ${numbers[0]}`;
  return `steps ${numbers.slice(0, -1).join(', ')} and ${numbers.at(-1)}`;
}

/** Whether an answer is right, and why: 'Wrong: no answer was given'. */
export function verdictSentence({ verdict, reason }) {
  const heads = { true: 'Right', false: 'Wrong', null: 'Not scored' };
  return reason ? `${heads[verdict]}: ${reason}` : heads[verdict];
}

/** The right answer, or that none is known. */
export function truthWords({ kind, text }) {
  if (kind === 'none') return 'No truth is known.';
  const names = { text: 'Truth', box: 'Truth, a box', point: 'Truth, a point', action: 'Truth, an action' };
  return `${names[kind] ?? 'Truth'}: ${text || 'drawn on the picture'}`;
}
