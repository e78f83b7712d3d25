/** The words below a saved picture: what was asked, by whom it was answered and how it ended, each step, the verdict, the faults. */
import { FONT, paintMark } from './paint.js';
import { truthWords, verdictSentence } from './words.js';

const INK = '#1a1a19';
const QUIET = '#5d5b56';
const PLAIN = { size: 14, weight: 400, colour: INK };
const SMALL = { size: 12.5, weight: 400, colour: QUIET };

/** A text in lines of at most `width`; a word that is longer by itself is broken anywhere. */
export function wrap(pen, text, width) {
  const lines = [];
  let line = '';
  const words = text.trim().split(/\s+/u).flatMap((word) => pieces(pen, word, width));
  for (const { text: word, joined } of words) {
    const longer = line && !joined ? `${line} ${word}` : `${line}${word}`;
    if (line && pen.measureText(longer).width > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return line ? [...lines, line] : lines;
}

function pieces(pen, word, width) {
  if (pen.measureText(word).width <= width) return [{ text: word, joined: false }];
  return Array.from(word, (text, k) => ({ text, joined: k > 0 }));
}

function faults(view) {
  if (!view.faults.length) return [{ ...SMALL, text: 'No faults.' }];
  return view.faults.map(({ title, detail, turn }) => ({ ...SMALL, text: `Fault in turn ${turn + 1}: ${[title, detail].filter(Boolean).join('. ')}` }));
}

/** What stands in the legend, in order: { text, size, weight, colour, step }; `step` is the one whose mark stands beside the text. */
export function paragraphs(view) {
  const { answer, frame, picture, steps } = view;
  const facts = [view.policy, view.settings_words, view.stop_words, picture.name].filter(Boolean).join(' · ');
  const said = answer.text === null ? 'No answer' : `Answer: ${answer.text}`;
  return [
    { ...PLAIN, size: 17, weight: 700, text: view.question || 'No question' },
    { ...SMALL, text: facts },
    { ...SMALL, text: `Frame: ${frame.title}; ${frame.known_by}` },
    ...steps.map((step) => ({ ...PLAIN, text: step.parts.map((part) => part.text).join('') || ' ', step })),
    { ...PLAIN, weight: 600, text: said },
    { ...PLAIN, text: verdictSentence(answer) },
    { ...PLAIN, text: truthWords(view.truth) },
    ...faults(view),
  ];
}

/** Every line of the legend with its place, and the height they take: measured before the canvas has its size. */
export function layOut(pen, view, width, unit) {
  const margin = 24 * unit;
  const indent = 40 * unit;
  const lines = [];
  let y = margin;
  for (const { text, size, weight, colour, step } of paragraphs(view)) {
    const font = `${weight} ${size * unit}px ${FONT}`;
    const x = margin + (step ? indent : 0);
    pen.font = font;
    const height = size * 1.45 * unit;
    const broken = wrap(pen, text, Math.max(40 * unit, width - x - margin));
    broken.forEach((line, k) => lines.push({ line, font, colour, x, y: y + height * (k + 0.5), step: k ? null : step }));
    y += Math.max(height * broken.length, step ? 30 * unit : 0) + 9 * unit;
  }
  return { lines, height: Math.ceil(y + margin) };
}

export function paintLegend(pen, lines, top, unit) {
  for (const { line, font, colour, x, y, step } of lines) {
    if (step) paintMark(pen, step, { x: x - 22 * unit, y: top + y }, unit * 0.85, !step.point?.inside);
    Object.assign(pen, { font, fillStyle: colour, textAlign: 'start', textBaseline: 'middle' });
    pen.fillText(line, x, top + y);
  }
}
