/**
 * How a step looks: an Okabe-Ito colour, a shape and its number. Five shapes and eight colours repeat together only
 * after forty steps, and the number never does. Source of the colours: Okabe and Ito, "Color Universal Design" (2008).
 */
import { svg } from './dom.js';

/** `ink` is the colour of the number: the one of black and white with the greater contrast, at least 5:1. */
export const COLOURS = [
  { fill: '#0072b2', ink: '#ffffff' },
  { fill: '#009e73', ink: '#000000' },
  { fill: '#d55e00', ink: '#000000' },
  { fill: '#cc79a7', ink: '#000000' },
  { fill: '#e69f00', ink: '#000000' },
  { fill: '#56b4e9', ink: '#000000' },
  { fill: '#f0e442', ink: '#000000' },
  { fill: '#000000', ink: '#ffffff' },
];

export const SHAPES = ['circle', 'square', 'diamond', 'hexagon', 'triangle'];

/** Outer radius of each shape, so that all look equally large, and how far its number sits below the middle. */
const REACH = { circle: 1, square: 0.92, diamond: 1.24, hexagon: 1.1, triangle: 1.5 };
const DROP = { triangle: 0.3 };

export function lookOf(index) {
  const shape = SHAPES[index % SHAPES.length];
  return { ...COLOURS[index % COLOURS.length], shape, drop: DROP[shape] ?? 0 };
}

function polygon(corners, radius, turn) {
  const points = Array.from({ length: corners }, (_, k) => {
    const angle = turn + (2 * Math.PI * k) / corners;
    return `${(radius * Math.cos(angle)).toFixed(2)} ${(radius * Math.sin(angle)).toFixed(2)}`;
  });
  return `M${points.join('L')}Z`;
}

/** Path data of a shape around (0, 0). */
export function shapePath(shape, size) {
  const r = size * REACH[shape];
  if (shape === 'circle') return `M${r} 0A${r} ${r} 0 1 1 ${-r} 0A${r} ${r} 0 1 1 ${r} 0Z`;
  if (shape === 'square') return `M${-r} ${-r}H${r}V${r}H${-r}Z`;
  if (shape === 'diamond') return polygon(4, r, 0);
  if (shape === 'hexagon') return polygon(6, r, Math.PI / 2);
  return polygon(3, r, -Math.PI / 2);
}

/** Size of the number's letters, so that '7' and '128' both fit. */
export function numberSize(text, size) {
  return size * [1.15, 1.15, 1.05, 0.8][Math.min(3, text.length)];
}

/** The shape with its white-and-dark outline and its number, as parts of a group around (0, 0). */
export function markParts(index, number, size, { hollow = false } = {}) {
  const look = lookOf(index);
  const d = shapePath(look.shape, size);
  return [
    svg('path', { d, class: 'sc-mark-dark' }),
    svg('path', { d, class: 'sc-mark-light' }),
    svg('path', { d, class: 'sc-mark-fill', fill: hollow ? '#ffffff' : look.fill, stroke: hollow ? look.fill : 'none' }),
    svg('text', {
      class: 'sc-mark-number',
      y: (size * look.drop).toFixed(1),
      'font-size': numberSize(number, size).toFixed(1),
      fill: hollow ? '#000000' : look.ink,
      text: number,
    }),
  ];
}

/** The same mark as a small picture for lists: beside a step, under a look. */
export function badge(index, number, { hollow = false } = {}) {
  return svg(
    'svg',
    { class: 'sc-badge', viewBox: '-17 -17 34 34', 'aria-hidden': 'true', focusable: 'false' },
    svg('g', { class: hollow ? 'sc-mark is-hollow' : 'sc-mark' }, ...markParts(index, number, 11, { hollow })),
  );
}
