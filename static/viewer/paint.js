/** The overlay on a canvas, at the picture's own resolution. `unit` is the size of one screen pixel of the marks there. */
import { lookOf, numberSize, shapePath } from './palette.js';
import { edgePlace, FAN, part } from './spread.js';
import { beyond } from './words.js';

export const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';
const DARK = '#111111';
const LIGHT = '#ffffff';
const SIZE = 11;

/** Strokes a path several times: [colour, width, dashes]. */
function strokes(pen, path, unit, layers) {
  pen.lineJoin = 'round';
  for (const [colour, width, dashes = []] of layers) {
    pen.strokeStyle = colour;
    pen.lineWidth = width * unit;
    pen.setLineDash(dashes.map((length) => length * unit));
    pen.stroke(path);
  }
  pen.setLineDash([]);
}

function outlined(pen, path, unit, colour, dashes = []) {
  strokes(pen, path, unit, [[DARK, 5.2], [LIGHT, 3.8], [colour, 2.2, dashes]]);
}

/** A word that can be read on any ground. */
function label(pen, text, x, y, unit, align) {
  pen.font = `600 ${12 * unit}px ${FONT}`;
  pen.textAlign = align;
  pen.textBaseline = 'middle';
  pen.lineJoin = 'round';
  pen.lineWidth = 4 * unit;
  pen.strokeStyle = DARK;
  pen.strokeText(text, x, y);
  pen.fillStyle = LIGHT;
  pen.fillText(text, x, y);
}

/** A step's mark around (x, y): shape, white-and-dark outline, number. */
export function paintMark(pen, { index, number }, { x, y }, unit, hollow) {
  const look = lookOf(index);
  const path = new Path2D(shapePath(look.shape, SIZE * unit));
  pen.save();
  pen.translate(x, y);
  strokes(pen, path, unit, [[DARK, 6], [LIGHT, 3.4]]);
  pen.fillStyle = hollow ? LIGHT : look.fill;
  pen.fill(path);
  if (hollow) strokes(pen, path, unit, [[look.fill, 2, [3, 1.6]]]);
  pen.font = `700 ${numberSize(number, SIZE) * unit}px ${FONT}`;
  pen.textAlign = 'center';
  pen.textBaseline = 'middle';
  pen.fillStyle = hollow ? '#000000' : look.ink;
  pen.fillText(number, 0, (SIZE * look.drop + 0.5) * unit);
  pen.restore();
}

function paintPath(pen, places, unit) {
  const path = new Path2D();
  places.forEach(({ x, y }, k) => (k ? path.lineTo(x, y) : path.moveTo(x, y)));
  pen.lineCap = 'round';
  strokes(pen, path, unit, [[LIGHT, 4.6], [DARK, 2.6, [0.1, 5.6]]]);
  pen.lineCap = 'butt';
}

function rectangle([x1, y1, x2, y2]) {
  const path = new Path2D();
  path.rect(x1, y1, x2 - x1, y2 - y1);
  return path;
}

/** The frame of what was looked at; where it is only supposed, in dashes. */
function paintWindow(pen, { window: box, guessed }, colour, unit) {
  const dashes = guessed ? [11, 7] : [];
  strokes(pen, rectangle(box), unit, [[DARK, 5.2, dashes], [LIGHT, 3.8, dashes], [colour, 2.2, dashes]]);
}

function paintRing(pen, { x, y }, path, name, unit) {
  const answer = name === 'Answer';
  pen.save();
  pen.translate(x, y);
  outlined(pen, path, unit, answer ? '#0f6e6e' : DARK, answer ? [] : [6, 4]);
  label(pen, name, (answer ? 26 : -26) * unit, 0, unit, answer ? 'start' : 'end');
  pen.restore();
}

function paintTruth(pen, { truth, answer }, unit) {
  if (truth.box) {
    outlined(pen, rectangle(truth.box), unit, DARK, [6, 4]);
    label(pen, 'Truth', truth.box[0], Math.max(10 * unit, truth.box[1] - 11 * unit), unit, 'start');
  }
  if (truth.point) paintRing(pen, truth.point, new Path2D(shapePath('diamond', 15 * unit)), 'Truth', unit);
  if (answer.point?.inside) paintRing(pen, answer.point, new Path2D(shapePath('circle', 16 * unit)), 'Answer', unit);
}

/** Where a mark stands before coinciding ones are parted: its point, or just inside the edge nearest to it. */
function home(point, size, unit) {
  if (point.inside) return { x: point.x, y: point.y };
  const { x, y, angle } = edgePlace(point, size);
  const turn = (angle * Math.PI) / 180;
  return { x: x - 20 * unit * Math.cos(turn), y: y - 20 * unit * Math.sin(turn) };
}

function paintLeader(pen, from, to, unit) {
  const path = new Path2D();
  path.moveTo(from.x, from.y);
  path.lineTo(to.x, to.y);
  strokes(pen, path, unit, [[DARK, 4.4], [LIGHT, 2]]);
}

/** The very point of a mark that stands beside it: over everything, in the step's colour, with a light and a dark outline. */
function paintDot(pen, { x, y }, colour, unit) {
  const path = new Path2D();
  path.arc(x, y, 2.6 * unit, 0, 2 * Math.PI);
  strokes(pen, path, unit, [[DARK, 5], [LIGHT, 3]]);
  pen.fillStyle = colour;
  pen.fill(path);
}

/** In a still picture nothing can be pointed at, so that marks make way for one another earlier and farther than on the screen. */
function paintSteps(pen, view, unit) {
  const size = view.picture;
  const steps = view.steps.filter((step) => step.point);
  const homes = steps.map(({ point }) => home(point, size, unit));
  const drawn = part(homes, size, unit);
  paintPath(pen, homes, unit);
  drawn.forEach((at, k) => at.moved && paintLeader(pen, homes[k], at, unit));
  steps.forEach((step, k) => {
    const at = drawn[k];
    paintMark(pen, step, at, unit, !step.point.inside);
    if (at.size > FAN) label(pen, `×${at.size}`, at.x + 17 * unit, at.y - 15 * unit, unit, 'start');
    const right = at.x > size.width / 2;
    if (!step.point.inside) label(pen, `${step.number}: ${beyond(step.point, size)}`, at.x + (right ? -22 : 22) * unit, at.y, unit, right ? 'end' : 'start');
  });
  steps.forEach((step, k) => drawn[k].moved && paintDot(pen, homes[k], lookOf(step.index).fill, unit));
}

/** What the pane shows over its picture: the layers that are on, the windows of the current step or of all. */
export function paintOverlay(pen, { view, step: current }, layers, unit) {
  for (const { look, index } of view.steps) {
    if (look && (layers.windows || index === current)) paintWindow(pen, look, lookOf(index).fill, unit);
  }
  if (layers.truth) paintTruth(pen, view, unit);
  if (layers.path) paintSteps(pen, view, unit);
}
