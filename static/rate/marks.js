/**
 * What is drawn over the picture, as SVG in screen pixels: the circle, the window of the zoom, the rater's own point and the
 * correction. Every line is coloured between white and black, so that it is seen on any ground; kinds differ by shape and dashes.
 */
import { svg } from '../viewer/dom.js';

/** A circle smaller than this on the screen, in pixels, gets four lines that lead to it. */
const SMALL = 26;
const LEAD = 14;
const CROSS = 'M-15 0H-5M5 0H15M0 -15V-5M0 5V15';
const CORNERS = [['x1', 'y1'], ['x2', 'y1'], ['x2', 'y2'], ['x1', 'y2']];

function tripled(tag, attributes = {}) {
  return ['dark', 'light', 'line'].map((part) => svg(tag, { class: `rt-${part}`, ...attributes }));
}

function group(name, ...children) {
  return svg('g', { class: `rt-mark is-${name}`, hidden: true }, ...children);
}

function set(node, values) {
  for (const [name, value] of Object.entries(values)) node.setAttribute(name, typeof value === 'number' ? value.toFixed(2) : value);
}

function move(node, { x, y }) {
  node.setAttribute('transform', `translate(${x.toFixed(2)} ${y.toFixed(2)})`);
}

/** The radius of the study's circle in original pixels. */
export function radiusOf({ diameter, unit }, { width }) {
  return unit === 'pixels' ? diameter / 2 : (diameter / 200) * width;
}

export class Marks {
  #radius = 1;
  #state = {};
  #groups = {
    window: group('window', ...tripled('rect')),
    link: group('link', ...tripled('line')),
    circle: group('circle', svg('path', { class: 'rt-lead' }), ...tripled('circle')),
    own: group('own', ...tripled('path', { d: CROSS })),
    point: group('point', ...tripled('circle'), ...tripled('path', { d: CROSS, class: 'rt-cross' })),
    box: group('box', ...tripled('rect'), ...CORNERS.map(() => svg('rect', { class: 'rt-handle', width: 10, height: 10 }))),
  };

  constructor() {
    this.node = svg('svg', { class: 'rt-marks', 'aria-hidden': 'true' }, ...Object.values(this.#groups));
    for (const [name, classes] of [['point', ['dark', 'light', 'line']], ['own', []]]) {
      [...this.#groups[name].querySelectorAll('path')].forEach((path, k) => path.setAttribute('class', `rt-${classes[k] ?? ['dark', 'light', 'line'][k]}`));
    }
  }

  /** `circle` is the study's; the rest is set by `show`. */
  setCircle(circle, picture) {
    this.#radius = radiusOf(circle, picture);
    this.node.style.setProperty('--rt-circle', circle.color);
  }

  get radius() {
    return this.#radius;
  }

  /** { circle, own, point, box, window, editing }: points and boxes in original pixels, or null. */
  show(state) {
    this.#state = state;
    for (const [name, node] of Object.entries(this.#groups)) node.toggleAttribute('hidden', !state[name]);
    const corrected = Boolean(state.point || state.box);
    this.#groups.circle.classList.toggle('is-ghost', corrected);
    this.#groups.link.toggleAttribute('hidden', !(state.point && state.circle));
    this.node.classList.toggle('is-editing', Boolean(state.editing));
  }

  place(viewport) {
    const at = (point) => viewport.toScreen(point);
    const { circle, own, point, box, window: seen } = this.#state;
    const radius = Math.max(1, this.#radius * viewport.scale);
    if (circle) this.#placeCircle(at(circle), radius);
    if (own) move(this.#groups.own, at(own));
    if (point) this.#placePoint(at(point), radius);
    if (point && circle) this.#placeLink(at(circle), at(point), radius);
    if (box) this.#placeRect(this.#groups.box, at, box);
    if (seen) this.#placeRect(this.#groups.window, at, seen);
  }

  #placeCircle(place, radius) {
    move(this.#groups.circle, place);
    for (const node of this.#groups.circle.querySelectorAll('circle')) set(node, { r: radius });
    const [near, far] = [radius + 6, radius + 6 + LEAD];
    const lead = radius * 2 < SMALL ? `M${-far} 0H${-near}M${near} 0H${far}M0 ${-far}V${-near}M0 ${near}V${far}` : '';
    this.#groups.circle.querySelector('.rt-lead').setAttribute('d', lead);
  }

  #placePoint(place, radius) {
    move(this.#groups.point, place);
    for (const node of this.#groups.point.querySelectorAll('circle')) set(node, { r: radius });
  }

  /** From rim to rim; nothing where the circles overlap. */
  #placeLink(from, to, radius) {
    const length = Math.hypot(to.x - from.x, to.y - from.y);
    const apart = length > 2 * radius + 8;
    this.#groups.link.toggleAttribute('hidden', !apart);
    if (!apart) return;
    const [dx, dy] = [((to.x - from.x) / length) * (radius + 4), ((to.y - from.y) / length) * (radius + 4)];
    for (const node of this.#groups.link.querySelectorAll('line')) set(node, { x1: from.x + dx, y1: from.y + dy, x2: to.x - dx, y2: to.y - dy });
  }

  #placeRect(node, at, box) {
    const [a, b] = [at({ x: box.x1, y: box.y1 }), at({ x: box.x2, y: box.y2 })];
    const size = { x: a.x, y: a.y, width: Math.max(1, b.x - a.x), height: Math.max(1, b.y - a.y) };
    for (const rect of node.querySelectorAll('rect:not(.rt-handle)')) set(rect, size);
    const corners = { x1: a.x, x2: b.x, y1: a.y, y2: b.y };
    [...node.querySelectorAll('.rt-handle')].forEach((handle, k) => set(handle, { x: corners[CORNERS[k][0]] - 5, y: corners[CORNERS[k][1]] - 5 }));
  }
}
