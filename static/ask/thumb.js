/** A picture in small with a draw's points and path on it, for a look at many draws at once. */
import { el, svg } from '../viewer/dom.js';
import { ownUrl } from '../viewer/api.js';
import { lookOf, markParts } from '../viewer/palette.js';

/** The room that a card has for its picture, in CSS pixels. */
const ROOM = { width: 220, height: 150 };

/** A mark with its outlines, drawn a little smaller than on the stage: small pictures are soon covered. */
const SIZE = 9;
const SHRUNK = 0.8;

/** With more points than this they are dots without their numbers. */
const NUMBERED = 12;

function mark(step, unit, numbered) {
  const { point, index, number } = step;
  const place = `translate(${point.x} ${point.y}) scale(${unit * SHRUNK})`;
  if (numbered) return svg('g', { class: 'sc-mark', transform: place }, ...markParts(index, number, SIZE));
  return svg('circle', { class: 'ak-thumb-dot', r: 4, fill: lookOf(index).fill, transform: place });
}

function path(points, unit) {
  const d = points.map(({ x, y }, k) => `${k ? 'L' : 'M'}${x} ${y}`).join('');
  return [
    svg('path', { class: 'sc-link-light', d, fill: 'none', 'stroke-linejoin': 'round', style: `stroke-width:${4.4 * unit}` }),
    svg('path', { class: 'sc-link-line', d, fill: 'none', style: `stroke-width:${2.2 * unit};stroke-dasharray:${0.1 * unit} ${4.8 * unit}` }),
  ];
}

export class Thumb {
  #drawn = '';
  #over = null;

  constructor(picture) {
    this.node = el('span', { class: 'ak-thumb' }, el('img', { class: 'ak-thumb-image', src: ownUrl(picture.thumbnail), alt: '', draggable: 'false', decoding: 'async' }));
    this.picture = picture;
  }

  /** The points inside the picture, and the answer's; drawn anew only where they have changed. */
  show({ steps, answer }) {
    const inside = steps.filter((step) => step.point?.inside);
    const key = JSON.stringify([inside.map(({ point, index }) => [index, point]), answer.point]);
    if (key === this.#drawn) return;
    this.#drawn = key;
    this.#over?.remove();
    const { width, height } = this.picture;
    const unit = Math.max(width / ROOM.width, height / ROOM.height);
    const ring = answer.point?.inside ? [svg('circle', { class: 'ak-thumb-answer', r: 14, transform: `translate(${answer.point.x} ${answer.point.y}) scale(${unit})` })] : [];
    const marks = inside.map((step) => mark(step, unit, inside.length <= NUMBERED));
    this.#over = svg('svg', { class: 'ak-thumb-over', viewBox: `0 0 ${width} ${height}`, 'aria-hidden': 'true', focusable: 'false' }, ...(inside.length > 1 ? path(inside.map(({ point }) => point), unit) : []), ...ring, ...marks);
    this.node.append(this.#over);
  }
}
