/** How far the points of raters lie from each other and from the model's, in sentences. */
import { el } from '../viewer/dom.js';
import { plural } from '../viewer/words.js';
import { ends, figure } from './words.js';

const BETWEEN = { between: ['Between two raters on the same step', 'pair'], from_model: ['From the model’s point to the raters’', 'step'] };

function distance(points, name) {
  const { pixels, widths, within } = points[name];
  const [title, unit] = BETWEEN[name];
  if (widths.value === null) return [el('dt', { text: title }), el('dd', { text: widths.words })];
  const near = within.find((one) => one.tolerance === 0.05);
  const share = near && near.share !== null ? ` ${figure(near.share, 'share')} ${ends(near.interval, 'share')} are within 5 % of the picture’s width.` : '';
  const half = `Half are within ${pixels.value.toFixed(1)} px ${ends(pixels.interval, 'score')}, ${(widths.value * 100).toFixed(1)} % of the width; n = ${plural(widths.n, unit)}.`;
  return [el('dt', { text: title }), el('dd', { text: `${half}${share} ${widths.words}`.trim() })];
}

function told(points) {
  const { n, boxes } = points;
  const hit = boxes?.n ? [el('dt', { text: 'Boxes that raters drew' }), el('dd', { text: `${figure(boxes.hit, 'share')} hold the model’s point; n = ${plural(boxes.n, 'box', 'boxes')}.` })] : [];
  return el('div', { class: 'rs-points' }, el('h4', { text: points.title }), el('p', { class: 'sc-quiet', text: `${plural(n.points, 'point')} of ${plural(n.steps, 'step')}, ${plural(n.raters, 'rater')}; ${plural(n.shared_steps, 'step')} with two or more.` }), el('dl', { class: 'pg-facts' }, ...distance(points, 'between'), ...distance(points, 'from_model'), ...hit));
}

/** A card for those kinds of points that there are; null for none. */
export function pointsOf({ points }) {
  const some = points.filter(({ n }) => n.points > 0 || n.boxes > 0);
  return some.length ? el('div', { class: 'pg-card rs-stack' }, ...some.map(told)) : null;
}
