/** Saving: the view as a PNG at the picture's own resolution, with its question and steps below it; and any file by link. */
import { FONT, paintMark, paintOverlay } from './paint.js';
import { truthWords } from './words.js';

/** Larger canvases are not drawn by every browser; a larger picture is saved smaller, and the person is told. */
const LONGEST = 16_000;
const LARGEST = 120e6;
const PAPER = { ground: '#ffffff', ink: '#1a1a19', quiet: '#5d5b56' };

export function download(href, name) {
  const link = document.createElement('a');
  link.href = href;
  link.download = name;
  link.click();
}

function fileName({ question, id }) {
  const words = question.normalize('NFKD').replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-+|-+$/g, '').slice(0, 60);
  return `${words || 'trace'}-${id.slice(0, 8)}.png`;
}

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

/** The paragraphs below the picture: [text, size, weight, colour, the step whose mark stands beside it]. */
function paragraphs(view) {
  const facts = [view.policy, view.stop_words, view.picture.name].filter(Boolean).join(' · ');
  const steps = view.steps.map((step) => [step.parts.map((part) => part.text).join('') || ' ', 14, 400, PAPER.ink, step]);
  const answer = view.answer.text === null ? 'No answer' : `Answer: ${view.answer.text}`;
  return [
    [view.question || 'No question', 17, 700, PAPER.ink], [facts, 12.5, 400, PAPER.quiet],
    ...steps,
    [answer, 14, 600, PAPER.ink], [truthWords(view.truth), 14, 400, PAPER.ink],
  ];
}

/** Every line of the legend with its place, and the height they take: measured before the canvas has its size. */
function layOut(pen, view, width, unit) {
  const margin = 24 * unit;
  const indent = 40 * unit;
  const lines = [];
  let y = margin;
  for (const [text, size, weight, colour, step] of paragraphs(view)) {
    const font = `${weight} ${size * unit}px ${FONT}`;
    const x = margin + (step ? indent : 0);
    pen.font = font;
    const height = size * 1.45 * unit;
    const broken = wrap(pen, text, Math.max(40 * unit, width - x - margin));
    broken.forEach((line, k) => lines.push({ line, font, colour, x, y: y + height * (k + 0.5), step: k ? null : step }));
    y += Math.max(height * broken.length, step ? 30 * unit : 0) + 7 * unit;
  }
  return { lines, height: Math.ceil(y + margin) };
}

function paintLegend(pen, lines, top, unit) {
  for (const { line, font, colour, x, y, step } of lines) {
    if (step) paintMark(pen, step, { x: x - 22 * unit, y: top + y }, unit * 0.85, !step.point?.inside);
    Object.assign(pen, { font, fillStyle: colour, textAlign: 'start', textBaseline: 'middle' });
    pen.fillText(line, x, top + y);
  }
}

function canvasOf(width, height) {
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width, height });
  return canvas;
}

function draw(pane, layers) {
  const { width, height } = pane.view.picture;
  const unit = Math.max(0.6, Math.max(width, height) / 1100);
  const legend = layOut(canvasOf(1, 1).getContext('2d'), pane.view, width, unit);
  const whole = height + legend.height;
  const shrink = Math.min(1, LONGEST / Math.max(width, whole), Math.sqrt(LARGEST / (width * whole)));
  const canvas = canvasOf(Math.round(width * shrink), Math.round(whole * shrink));
  const pen = canvas.getContext('2d');
  pen.scale(shrink, shrink);
  pen.fillStyle = PAPER.ground;
  pen.fillRect(0, 0, width, whole);
  pen.drawImage(pane.stage.picture, 0, 0, width, height);
  pen.save();
  pen.beginPath();
  pen.rect(0, 0, width, height);
  pen.clip();
  paintOverlay(pen, pane, layers, unit);
  pen.restore();
  paintLegend(pen, legend.lines, height, unit);
  return { canvas, shrink };
}

/** Draws the pane's view and offers it as a download. Gives back the words for the person; throws an Error with a sentence. */
export async function savePicture(pane, layers) {
  await pane.stage.picture.decode().catch(() => {
    throw new Error('The picture is not loaded, so it cannot be saved.');
  });
  const { canvas, shrink } = draw(pane, layers);
  const blob = await new Promise((done) => { canvas.toBlob(done, 'image/png'); });
  if (!blob) throw new Error('The browser could not draw a picture of this size.');
  const href = URL.createObjectURL(blob);
  download(href, fileName(pane.view));
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
  return shrink < 1 ? `Saved at ${Math.round(shrink * 100)} % of the picture’s size: the browser draws no larger one.` : 'Picture saved.';
}
