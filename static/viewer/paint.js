/** The overlay on a canvas, at the picture's own resolution. `unit` is the size of one screen pixel of the marks there. */
import { lookOf, numberSize, shapePath } from './palette.js';
import { edgePlace, FAN, part } from './spread.js';
import { beyond } from './words.js';

export const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';
const DARK = '#111111';
const LIGHT = '#ffffff';
const SIZE = 11;

/** A picture narrower or lower than this, in units of the marks, has no room for a mark inside its edges. */
export const ROOM = 58;
const LABEL = (unit) => `600 ${12 * unit}px ${FONT}`;

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

/** A word that can be read on any ground. It begins or ends at (x, y), and is moved where the `paper` would cut it. */
function label(pen, text, x, y, unit, align, paper) {
  pen.font = LABEL(unit);
  pen.textAlign = 'start';
  const length = pen.measureText(text).width;
  const wanted = align === 'end' ? x - length : x;
  paintWord(pen, text, within(wanted, paper.left + 4 * unit, paper.right - 4 * unit - length), within(y, paper.top + 9 * unit, paper.bottom - 9 * unit), unit);
}

function within(value, least, most) {
  return Math.max(least, Math.min(most, value));
}

function paintWord(pen, text, x, y, unit) {
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

/** A triangle beside a mark, in the direction (radians) in which a point outside lies. */
function paintArrow(pen, { x, y }, turn, colour, unit) {
  const path = new Path2D(`M${15 * unit} ${-7 * unit}L${26 * unit} 0L${15 * unit} ${7 * unit}Z`);
  pen.save();
  pen.translate(x, y);
  pen.rotate(turn);
  strokes(pen, path, unit, [[LIGHT, 5], [DARK, 3]]);
  pen.fillStyle = colour;
  pen.fill(path);
  pen.restore();
}

/** Where the words beside a point outside begin: on the inner side of its mark, in a picture without room inside on the outer one. */
function besideEdge(x, { width }, unit) {
  const tiny = width < ROOM * unit;
  const left = tiny ? x < width / 2 : x > width / 2;
  const far = (tiny ? 34 : 26) * unit;
  return { x: x + (left ? -far : far), align: left ? 'end' : 'start' };
}

/** The width that the longest words beside a point outside take, 0 where no point lies outside. */
export function wordsRoom(pen, { picture, steps, answer, truth }, unit) {
  const points = [...steps.map(({ point, number }) => [point, number]), [answer.point, 'Answer'], [truth.point, 'Truth']];
  pen.font = LABEL(unit);
  return Math.max(0, ...points.filter(([point]) => point && !contains(picture, point)).map(([point, name]) => pen.measureText(`${name}: ${beyond(point, picture)}`).width + 44 * unit));
}

function contains({ width, height }, { x, y }) {
  return x >= 0 && y >= 0 && x <= width && y <= height;
}

/** The ring of the answer or the truth, named; a point outside has it just inside the nearest edge, with an arrow and its distance. */
function paintRing(pen, point, path, name, { size, paper, unit }) {
  const answer = name === 'Answer';
  const colour = answer ? '#0f6e6e' : DARK;
  const out = !contains(size, point);
  const { x, y, turn } = home({ ...point, inside: !out }, size, unit);
  pen.save();
  pen.translate(x, y);
  outlined(pen, path, unit, colour, out ? [3, 3] : answer ? [] : [6, 4]);
  pen.restore();
  if (out) paintArrow(pen, { x, y }, turn, colour, unit);
  pen.font = LABEL(unit);
  const room = pen.measureText(name).width + 30 * unit;
  const turned = answer ? x + room > paper.right : x - room >= paper.left;
  const spot = out ? besideEdge(x, size, unit) : { x: x + (turned ? -26 : 26) * unit, align: turned ? 'end' : 'start' };
  label(pen, out ? `${name}: ${beyond(point, size)}` : name, spot.x, y, unit, spot.align, paper);
}

function paintTruth(pen, { truth, answer }, place) {
  const { paper, unit } = place;
  if (truth.box) {
    outlined(pen, rectangle(truth.box), unit, DARK, [6, 4]);
    label(pen, 'Truth', truth.box[0], truth.box[1] - 11 * unit, unit, 'start', paper);
  }
  if (truth.point) paintRing(pen, truth.point, new Path2D(shapePath('diamond', 15 * unit)), 'Truth', place);
  if (answer.point) paintRing(pen, answer.point, new Path2D(shapePath('circle', 16 * unit)), 'Answer', place);
}

/**
 * Where a mark stands before coinciding ones are parted: its point, or just inside the edge nearest to it; beside a picture that is
 * too small to have room inside, just beyond that edge.
 */
function home(point, size, unit) {
  if (point.inside) return { x: point.x, y: point.y };
  const { x, y, angle } = edgePlace(point, size);
  const turn = (angle * Math.PI) / 180;
  const inset = (length) => (length < ROOM * unit ? -8 : 28) * unit;
  return { x: x - inset(size.width) * Math.cos(turn), y: y - inset(size.height) * Math.sin(turn), turn };
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
function paintSteps(pen, view, { size, paper, unit }) {
  const steps = view.steps.filter((step) => step.point);
  const homes = steps.map(({ point }) => home(point, size, unit));
  const drawn = part(homes, size, unit);
  paintPath(pen, homes, unit);
  drawn.forEach((at, k) => at.moved && paintLeader(pen, homes[k], at, unit));
  steps.forEach((step, k) => {
    const at = drawn[k];
    paintMark(pen, step, at, unit, !step.point.inside);
    if (at.size > FAN) label(pen, `×${at.size}`, at.x + 17 * unit, at.y - 15 * unit, unit, 'start', paper);
    if (step.point.inside) return;
    const spot = besideEdge(at.x, size, unit);
    paintArrow(pen, at, homes[k].turn, lookOf(step.index).fill, unit);
    label(pen, `${step.number}: ${beyond(step.point, size)}`, spot.x, at.y, unit, spot.align, paper);
  });
  steps.forEach((step, k) => drawn[k].moved && paintDot(pen, homes[k], lookOf(step.index).fill, unit));
}

/**
 * What the pane shows over its picture: the layers that are on, the windows of the current step or of all. `paper`: left, top,
 * right and bottom of the room for words, which may be larger than the picture.
 */
export function paintOverlay(pen, { view, step: current }, layers, unit, paper) {
  const place = { size: view.picture, paper, unit };
  for (const { look, index } of view.steps) {
    if (look && (layers.windows || index === current)) paintWindow(pen, look, lookOf(index).fill, unit);
  }
  if (layers.truth) paintTruth(pen, view, place);
  if (layers.path) paintSteps(pen, view, place);
}
