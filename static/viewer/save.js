/** Saving: the view as a PNG at the picture's own resolution, with its question and steps below it, and any file by link. */
import { lookOf, numberSize, shapePath } from './palette.js';
import { edgePlace, spread } from './spread.js';
import { beyond, count } from './words.js';

/** Browsers draw no larger canvas on every machine; a larger picture is saved smaller, and the person is told. */
const LONGEST = 16000;
const LARGEST = 120e6;
const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';
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

function outlined(pen, path, unit, fill) {
  pen.lineJoin = 'round';
  for (const [style, width] of [['#111111', 5.5], ['#ffffff', 3]]) {
    pen.strokeStyle = style;
    pen.lineWidth = width * unit;
    pen.stroke(path);
  }
  if (!fill) return;
  pen.fillStyle = fill;
  pen.fill(path);
}

/** A line that stands out on anything: dark, white, then its own colour. */
function tripled(pen, path, unit, colour, dash = []) {
  for (const [style, width, pattern] of [['#111111', 5, []], ['#ffffff', 3.6, []], [colour, 2, dash]]) {
    pen.strokeStyle = style;
    pen.lineWidth = width * unit;
    pen.setLineDash(pattern.map((length) => length * unit));
    pen.stroke(path);
  }
  pen.setLineDash([]);
}

function halo(pen, text, x, y, unit, align = 'start') {
  pen.font = `600 ${12 * unit}px ${FONT}`;
  pen.textAlign = align;
  pen.textBaseline = 'middle';
  pen.lineJoin = 'round';
  pen.lineWidth = 4 * unit;
  pen.strokeStyle = '#111111';
  pen.strokeText(text, x, y);
  pen.fillStyle = '#ffffff';
  pen.fillText(text, x, y);
}

function drawMark(pen, step, at, unit, size) {
  const look = lookOf(step.index);
  const hollow = !step.point.inside;
  pen.save();
  pen.translate(at.x, at.y);
  outlined(pen, new Path2D(shapePath(look.shape, 11 * unit)), unit, hollow ? '#ffffff' : look.fill);
  pen.font = `700 ${numberSize(step.number, 11) * unit}px ${FONT}`;
  pen.textAlign = 'center';
  pen.textBaseline = 'middle';
  pen.fillStyle = hollow ? '#000000' : look.ink;
  pen.fillText(step.number, 0, 11 * look.drop * unit + 0.6 * unit);
  if (hollow) halo(pen, `${step.number}: ${beyond(step.point, size)}`, at.x > size.width / 2 ? -22 * unit : 22 * unit, 0, unit, at.x > size.width / 2 ? 'end' : 'start');
  pen.restore();
}

function drawPath(pen, places, unit) {
  const path = new Path2D();
  places.forEach(({ x, y }, k) => (k ? path.lineTo(x, y) : path.moveTo(x, y)));
  pen.lineCap = 'round';
  pen.lineJoin = 'round';
  for (const [style, width, dash] of [['#ffffff', 4.5, []], ['#111111', 2.6, [0.1, 5.5]]]) {
    pen.strokeStyle = style;
    pen.lineWidth = width * unit;
    pen.setLineDash(dash.map((length) => length * unit));
    pen.stroke(path);
  }
  pen.setLineDash([]);
}

function box([x1, y1, x2, y2]) {
  const path = new Path2D();
  path.rect(x1, y1, x2 - x1, y2 - y1);
  return path;
}

function drawTruth(pen, { truth, answer }, unit) {
  if (truth.box) {
    tripled(pen, box(truth.box), unit, '#111111', [6, 4]);
    halo(pen, 'Truth', truth.box[0], Math.max(10 * unit, truth.box[1] - 10 * unit), unit);
  }
  if (truth.point) drawRing(pen, truth.point, new Path2D(shapePath('diamond', 15 * unit)), 'Truth', -1, unit);
  if (answer.point?.inside) drawRing(pen, answer.point, new Path2D(shapePath('circle', 16 * unit)), 'Answer', 1, unit);
}

function drawRing(pen, { x, y }, path, name, side, unit) {
  pen.save();
  pen.translate(x, y);
  tripled(pen, path, unit, name === 'Answer' ? '#0f6e6e' : '#111111');
  halo(pen, name, side * 26 * unit, 0, unit, side > 0 ? 'start' : 'end');
  pen.restore();
}

function drawOverlay(pen, pane, layers, unit) {
  const { view, step: current } = pane;
  const size = view.picture;
  for (const { look, index } of view.steps) {
    if (look && (layers.windows || index === current)) tripled(pen, box(look.window), unit, lookOf(index).fill);
  }
  if (layers.truth) drawTruth(pen, view, unit);
  if (!layers.path) return;
  const pointed = view.steps.filter((step) => step.point);
  const homes = pointed.map(({ point }) => (point.inside ? point : inset(edgePlace(point, size), unit)));
  drawPath(pen, homes, unit);
  const drawn = spread(homes, 17 * unit, 18 * unit);
  drawn.forEach((at, k) => at.moved && drawPath(pen, [homes[k], at], unit * 0.6));
  pointed.forEach((step, k) => drawMark(pen, step, drawn[k], unit, size));
}

function inset({ x, y, angle }, unit) {
  const turn = (angle * Math.PI) / 180;
  return { x: x - 20 * unit * Math.cos(turn), y: y - 20 * unit * Math.sin(turn) };
}

/** Breaks a text into lines of at most `width`; a word that is longer by itself is broken anywhere. */
function wrap(pen, text, width) {
  const lines = [];
  let line = '';
  for (const word of text.split(/(?<=\s)/u).flatMap((one) => (pen.measureText(one).width > width ? Array.from(one) : [one]))) {
    if (line && pen.measureText(line + word.trimEnd()).width > width) {
      lines.push(line.trimEnd());
      line = '';
    }
    line += word.replace(/\s+/gu, ' ');
  }
  return line.trim() ? [...lines, line.trimEnd()] : lines;
}

function legendText(view) {
  const steps = view.steps.map((step) => [step, step.parts.map((part) => part.text).join('')]);
  const answer = view.answer.text === null ? 'No answer' : `Answer: ${view.answer.text}`;
  const truth = view.truth.kind === 'none' ? 'No truth is known' : `Truth: ${view.truth.text || 'drawn on the picture'}`;
  return { question: view.question, facts: [view.policy, view.stop_words, view.picture.name].filter(Boolean).join(' · '), steps, ends: [answer, truth] };
}

/** The lines of the legend with their places, measured before the canvas has its height. */
function legend(pen, view, width, unit) {
  const margin = 24 * unit;
  const rows = [];
  let y = margin;
  const put = (text, font, colour, left, height, mark = null) => {
    pen.font = font;
    const lines = wrap(pen, text, width - left - margin);
    lines.forEach((line, k) => {
      rows.push({ line, font, colour, x: left, y: y + height / 2, mark: k ? null : mark });
      y += height;
    });
    if (!lines.length && mark) { rows.push({ line: '', font, colour, x: left, y: y + height / 2, mark }); y += height; }
  };
  const { question, facts, steps, ends } = legendText(view);
  put(question, `700 ${17 * unit}px ${FONT}`, PAPER.ink, margin, 24 * unit);
  put(facts, `400 ${12.5 * unit}px ${FONT}`, PAPER.quiet, margin, 22 * unit);
  for (const [step, text] of steps) {
    y += 8 * unit;
    put(text, `400 ${14 * unit}px ${FONT}`, PAPER.ink, margin + 38 * unit, 21 * unit, step);
  }
  y += 10 * unit;
  for (const text of ends) put(text, `600 ${14 * unit}px ${FONT}`, PAPER.ink, margin, 22 * unit);
  return { rows, height: Math.ceil(y + margin) };
}

function drawLegend(pen, { rows }, top, unit) {
  pen.textBaseline = 'middle';
  for (const { line, font, colour, x, y, mark } of rows) {
    if (mark) drawMark(pen, { ...mark, point: { inside: Boolean(mark.point?.inside) || !mark.point } , number: mark.number }, { x: x - 20 * unit, y: top + y }, unit * 0.85, { width: Infinity });
    pen.font = font;
    pen.textAlign = 'start';
    pen.fillStyle = colour;
    pen.fillText(line, x, top + y);
  }
}

function canvasOf(width, height) {
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width, height });
  return canvas;
}

/** Draws the pane's view and offers it as a download. Gives back the words for the person; throws an Error with a sentence. */
export async function savePicture(pane, layers) {
  const { view } = pane;
  const { width, height } = view.picture;
  await pane.stage.picture.decode().catch(() => {
    throw new Error('The picture is not loaded, so it cannot be saved.');
  });
  const measure = canvasOf(1, 1).getContext('2d');
  const unit = Math.max(0.6, Math.max(width, height) / 1100);
  const below = legend(measure, view, width, unit);
  const shrink = Math.min(1, LONGEST / Math.max(width, height + below.height), Math.sqrt(LARGEST / (width * (height + below.height))));
  const canvas = canvasOf(Math.round(width * shrink), Math.round((height + below.height) * shrink));
  const pen = canvas.getContext('2d');
  pen.scale(shrink, shrink);
  pen.fillStyle = PAPER.ground;
  pen.fillRect(0, 0, width, height + below.height);
  pen.drawImage(pane.stage.picture, 0, 0, width, height);
  drawOverlay(pen, pane, layers, unit);
  drawLegend(pen, below, height, unit);
  const blob = await new Promise((done) => { canvas.toBlob(done, 'image/png'); });
  if (!blob) throw new Error('The browser could not draw a picture of this size.');
  const href = URL.createObjectURL(blob);
  download(href, fileName(view));
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
  return shrink < 1 ? `Saved at ${count(Math.round(shrink * 100))} % of the picture’s size: the browser draws no larger one.` : 'Picture saved.';
}
