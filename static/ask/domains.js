/** What a domain does with a question, in a line. */

const ANSWERS = { text: 'answers in words', box: 'answers with a point', point: 'answers with a point', action: 'answers with an action on the page' };

const HINTS = {
  text: 'With it, answers are told right or wrong, and pass@k can be worked out.',
  box: '(x1, y1, x2, y2) in pixels of the picture: a point inside it is right.',
  point: '(x, y) in pixels of the picture: a point near it is right.',
  action: 'As the model writes it, such as click [47].',
};

/** 'Looks closer, each time at 364 × 364 px around a point, and answers in words.' */
export function domainWords({ multi, answer_kind: kind, crop }) {
  const answer = ANSWERS[kind] ?? 'answers';
  if (!multi) return `One look at the whole picture, no zoom; ${answer}.`;
  const around = typeof crop?.offset === 'number' ? ` at ${2 * crop.offset} px around a point` : '';
  return `May zoom in${around}, turn by turn, and ${answer}.`;
}

export function truthHint(kind) {
  return HINTS[kind] ?? '';
}
