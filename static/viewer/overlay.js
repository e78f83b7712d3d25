/**
 * The marks over a picture, as SVG in screen pixels: they keep their size whatever the zoom. `place` is called when the
 * view moves; a step switch only toggles classes.
 */
import { svg } from './dom.js';
import { lookOf, markParts } from './palette.js';
import { edgePlace, FAN, spread } from './spread.js';
import { beyond } from './words.js';

const SIZE = 11;
const NEAR = 17;
const ROOM = 26;
const INSET = 20;

/** Room that a ring's name takes beside its middle. */
const NAMED = 84;

/** With more marks than this only those around the current step are drawn, and without one no path: nobody could read it. */
export const MANY = 120;
const BEFORE = 20;
const AFTER = 5;

function doubled(tag, name) {
  return [svg(tag, { class: `${name}-dark` }), svg(tag, { class: `${name}-light` }), svg(tag, { class: `${name}-line` })];
}

function set(node, values) {
  for (const [name, value] of Object.entries(values)) node.setAttribute(name, typeof value === 'number' ? value.toFixed(1) : value);
}

/** Whether a name beside a ring stands at its left: where it is `wanted`, unless it would be cut at the frame's edge there. */
function turnsLeft(wanted, x, width) {
  if (wanted) return x >= NAMED;
  return x > width - NAMED && x >= NAMED;
}

function label(text, name = '') {
  return svg('text', { class: `sc-label ${name}`.trim(), text });
}

export class Overlay {
  #size;
  #steps;
  #marks = [];
  #links = [];
  #windows = [];
  #extras = [];
  #current = -1;
  #hot = -1;
  #homes = [];
  #crowded = false;
  #many = false;
  #viewport = null;
  #gaze = svg('circle', { class: 'sc-gaze', r: 17 });

  constructor(view, events) {
    this.#size = view.picture;
    this.#steps = view.steps;
    this.node = svg('svg', { class: 'sc-overlay', role: 'img', 'aria-label': `The overlay: ${view.overlay_text.join(' ') || 'no points.'}` });
    this.layers = Object.fromEntries(['windows', 'truth', 'links', 'leaders', 'marks'].map((name) => [name, svg('g', { class: `sc-layer-${name}` })]));
    this.node.append(...Object.values(this.layers), this.#gaze);
    this.#steps.forEach((step) => this.#addStep(step, events));
    this.#many = this.#marks.filter(Boolean).length > MANY;
    this.#linkSteps();
    if (this.#many) this.#mute(-1);
    this.#addTruth(view.truth);
    this.#addAnswer(view.answer);
  }

  #addStep(step, events) {
    if (step.look) this.#addWindow(step);
    if (!step.point) return this.#marks.push(null);
    const hollow = !step.point.inside;
    const node = svg('g', { class: `sc-mark${hollow ? ' is-hollow is-outside' : ''}`, 'data-step': step.index });
    const arrow = hollow && svg('path', { class: 'sc-arrow', d: `M${SIZE + 4} -7L${SIZE + 15} 0L${SIZE + 4} 7Z`, fill: lookOf(step.index).fill });
    const words = hollow && label(`${step.number}: ${beyond(step.point, this.#size)}`, 'is-beyond');
    const face = svg('g', { class: 'sc-face' }, arrow, ...markParts(step.index, step.number, SIZE, { hollow }));
    node.append(svg('circle', { class: 'sc-target', r: 16 }), face);
    if (words) node.append(words);
    const leader = svg('g', { class: 'sc-leader' }, ...doubled('line', 'sc-leader'), svg('circle', { class: 'sc-leader-tip', r: 3.5 }));
    const many = label('', 'is-many');
    this.layers.leaders.append(leader);
    node.append(many);
    this.layers.marks.append(node);
    node.addEventListener('pointerenter', () => events.hot(step.index));
    node.addEventListener('pointerleave', () => events.hot(-1));
    node.addEventListener('click', () => events.step(step.index));
    return this.#marks.push({ node, arrow, words, leader, many, step });
  }

  #addWindow(step) {
    const node = svg('g', { class: `sc-window${step.look.guessed ? ' is-guess' : ''}`, 'data-step': step.index }, ...doubled('rect', 'sc-window'));
    node.lastChild.setAttribute('stroke', lookOf(step.index).fill);
    this.layers.windows.append(node);
    this.#windows.push({ node, box: step.look.window, index: step.index });
  }

  #linkSteps() {
    const drawn = this.#marks.filter(Boolean);
    drawn.slice(1).forEach((mark, k) => {
      const node = svg('g', { class: 'sc-link' }, svg('line', { class: 'sc-link-light' }), svg('line', { class: 'sc-link-line' }));
      const out = !mark.step.point.inside || !drawn[k].step.point.inside;
      node.classList.toggle('is-outside', out);
      this.layers.links.append(node);
      this.#links.push({ node, from: drawn[k], to: mark });
    });
  }

  #addTruth(truth) {
    if (truth.box) {
      const node = svg('g', { class: 'sc-truth-box' }, ...doubled('rect', 'sc-truth'), label('Truth', 'is-truth'));
      this.layers.truth.append(node);
      this.#extras.push({ node, place: (at) => this.#placeBox(node, truth.box, at) });
    }
    if (truth.point) this.#addReticle(truth.point, 'Truth', 'M0 -19L19 0L0 19L-19 0Z', -24, 'end');
  }

  #addAnswer(answer) {
    const ring = 'M16 0A16 16 0 1 1 -16 0A16 16 0 1 1 16 0ZM16 0H25M-16 0H-25M0 16V25M0 -16V-25';
    if (answer.point) this.#addReticle(answer.point, 'Answer', ring, 30, 'start');
  }

  /** A ring around a place, wide enough that a numbered mark can stand inside it. */
  #addReticle(point, name, d, dx, anchor) {
    const lines = ['dark', 'light', 'line'].map((part) => svg('path', { d, class: `sc-${name.toLowerCase()}-${part}` }));
    const inside = point.inside ?? (point.x >= 0 && point.y >= 0 && point.x <= this.#size.width && point.y <= this.#size.height);
    const words = label(inside ? name : `${name}: ${beyond(point, this.#size)}`, `is-${name.toLowerCase()}`);
    const node = svg('g', { class: `sc-reticle is-${name.toLowerCase()}${inside ? '' : ' is-outside'}` }, ...lines, words);
    this.layers.truth.append(node);
    const place = (at) => {
      const { x, y } = at(inside ? point : edgePlace(point, this.#size));
      set(node, { transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})` });
      const toLeft = inside ? turnsLeft(anchor === 'end', x, this.node.clientWidth) : x > this.node.clientWidth / 2;
      set(words, { x: toLeft ? -Math.abs(dx) : Math.abs(dx), y: 4, 'text-anchor': toLeft ? 'end' : 'start' });
    };
    this.#extras.push({ node, place });
  }

  #placeBox(node, box, at) {
    const [a, b] = [at({ x: box[0], y: box[1] }), at({ x: box[2], y: box[3] })];
    for (const rect of node.querySelectorAll('rect')) set(rect, { x: a.x, y: a.y, width: Math.max(1, b.x - a.x), height: Math.max(1, b.y - a.y) });
    const words = node.querySelector('text');
    if (words) set(words, { x: a.x + 1, y: a.y > 18 ? a.y - 7 : b.y + 16 });
  }

  /** Puts everything where the viewport has it. */
  place(viewport) {
    this.#viewport = viewport;
    const at = (point) => viewport.toScreen(point);
    this.#homes = this.#marks.map((mark) => (mark && !this.#isFar(mark.step.index) ? this.#home(mark, at) : null));
    this.#placeMarks();
    for (const { node, from, to } of this.#links) {
      if (this.#hidesLink(to.step.index)) continue;
      const start = this.#isFar(from.step.index) ? this.#home(from, at) : from.at;
      for (const line of node.children) set(line, { x1: start.x, y1: start.y, x2: to.at.x, y2: to.at.y });
    }
    for (const { node, box } of this.#windows) this.#placeBox(node, box, at);
    for (const extra of this.#extras) extra.place(at);
  }

  /** The current mark stands exactly on its point; those that coincide with it make way. */
  #placeMarks() {
    const drawn = spread(this.#homes, NEAR, ROOM, this.#current);
    this.#crowded = drawn.some((place) => place && place.size > 1);
    this.#marks.forEach((mark, i) => drawn[i] && this.#placeMark(mark, this.#homes[i], drawn[i]));
  }

  /** The screen place of a mark before coinciding ones are parted; outside points stand just inside their edge. */
  #home(mark, at) {
    if (mark.step.point.inside) return at(mark.step.point);
    const edge = edgePlace(mark.step.point, this.#size);
    const { x, y } = at(edge);
    const angle = (edge.angle * Math.PI) / 180;
    return { x: x - INSET * Math.cos(angle), y: y - INSET * Math.sin(angle), angle: edge.angle };
  }

  #placeMark(mark, home, drawn) {
    mark.at = home;
    mark.drawn = drawn;
    mark.node.setAttribute('transform', `translate(${drawn.x.toFixed(1)} ${drawn.y.toFixed(1)})`);
    mark.leader.classList.toggle('is-shown', drawn.moved);
    if (drawn.moved) this.#placeLeader(mark.leader, home, drawn);
    const many = drawn.size > FAN ? `×${drawn.size}` : '';
    if (mark.many.textContent !== many) mark.many.textContent = many;
    if (many) set(mark.many, { x: 17, y: -12 });
    if (mark.arrow) mark.arrow.setAttribute('transform', `rotate(${home.angle.toFixed(1)})`);
    if (mark.words) this.#placeWords(mark, home);
  }

  #placeLeader(leader, home, drawn) {
    for (const line of leader.querySelectorAll('line')) set(line, { x1: home.x, y1: home.y, x2: drawn.x, y2: drawn.y });
    set(leader.lastChild, { cx: home.x, cy: home.y });
  }

  /** The words stand on the inner side of the edge, above or below where the point lies beyond the top or the bottom. */
  #placeWords(mark, home) {
    const across = Math.abs(Math.cos((home.angle * Math.PI) / 180));
    const right = home.x > this.node.clientWidth / 2;
    if (across > 0.5) return set(mark.words, { x: right ? -22 : 22, y: 4, 'text-anchor': right ? 'end' : 'start' });
    return set(mark.words, { x: right ? 12 : -12, y: home.angle > 0 ? -22 : 32, 'text-anchor': right ? 'end' : 'start' });
  }

  /** Marks the current step (-1: none), what came before it and what comes after. */
  setStep(index) {
    const before = this.#current;
    this.#current = index;
    this.node.classList.toggle('has-step', index >= 0);
    this.#mute(index);
    if (this.#many && this.#viewport) this.place(this.#viewport);
    this.#marks[before]?.node.classList.remove('is-current');
    for (const { node, index: own } of this.#windows) node.classList.toggle('is-current', own === index);
    const mark = this.#marks[index];
    mark?.node.classList.add('is-current');
    if (this.#crowded && !this.#many) this.#placeMarks();
    if (mark && mark.node !== this.layers.marks.lastChild) this.layers.marks.append(mark.node);
  }

  /** Marks and links after the current step fade; of many, those far from it are not drawn at all. */
  #mute(index) {
    for (const mark of this.#marks) {
      mark?.node.classList.toggle('is-later', index >= 0 && mark.step.index > index);
      if (this.#many) this.#hide(mark, this.#isFar(mark?.step.index));
    }
    for (const { node, to } of this.#links) {
      node.classList.toggle('is-later', index >= 0 && to.step.index > index);
      if (this.#many) node.classList.toggle('is-far', this.#hidesLink(to.step.index));
    }
  }

  #hide(mark, far) {
    mark?.node.classList.toggle('is-far', far);
    mark?.leader.classList.toggle('is-far', far);
  }

  #isFar(index) {
    return this.#many && this.#current >= 0 && (index < this.#current - BEFORE || index > this.#current + AFTER);
  }

  #hidesLink(index) {
    return this.#many && (this.#current < 0 || this.#isFar(index));
  }

  setHot(index) {
    this.#marks[this.#hot]?.node.classList.remove('is-hot');
    this.#marks[index]?.node.classList.add('is-hot');
    for (const { node, index: own } of this.#windows) node.classList.toggle('is-hot', own === index);
    this.#hot = index;
  }

  /** Where a step's mark stands in picture terms: its point, or the edge place of a point outside. */
  anchor(index) {
    const point = this.#marks[index]?.step.point;
    if (!point) return null;
    return point.inside ? point : edgePlace(point, this.#size);
  }

  /** A ring jumps from one mark to the next, as a gaze does. */
  travel(from, to, ms) {
    const [a, b] = [this.#marks[from]?.drawn, this.#marks[to]?.drawn];
    if (!b) return;
    const start = a ?? b;
    const at = ({ x, y }) => `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px)`;
    this.#gaze.animate(
      [{ transform: at(start), opacity: 1 }, { transform: at(b), opacity: 1, offset: 0.75 }, { transform: at(b), opacity: 0 }],
      { duration: ms, easing: 'cubic-bezier(.3, 0, .1, 1)' },
    );
  }
}
