/** Figures for reading. A figure without its n is not said anywhere. */
import { count, plural } from '../viewer/words.js';

/** `72.8 %` of a share, `3.35` of a score; a real minus sign. */
export function figure(value, unit) {
  const text = unit === 'share' ? `${(value * 100).toFixed(1)} %` : value.toFixed(2);
  return text.replace('-', '−');
}

/** The same with its sign, for a difference: `+1.9 points` of a share. */
export function change(value, unit) {
  const text = unit === 'share' ? `${Math.abs(value * 100).toFixed(1)} points` : Math.abs(value).toFixed(2);
  return `${value < 0 ? '−' : '+'}${text}`;
}

/** `[66.8, 78.7]`; '' where there are no ends. */
export function ends(interval, unit) {
  if (interval.low === null || interval.high === null) return '';
  const one = (value) => (unit === 'share' ? (value * 100).toFixed(1) : value.toFixed(2)).replace('-', '−');
  return `[${one(interval.low)}, ${one(interval.high)}]`;
}

/** `72.8 % [66.8, 78.7], n = 93`; why there is no figure, where there is none. */
export function whole(found, which = 'both') {
  if (found.value === null) return found.words || 'no figure';
  return [`${figure(found.value, found.unit)} ${ends(found.intervals[which], found.unit)}`.trim(), `n = ${count(found.n.ratings)}`].join(', ');
}

/** What a figure rests on: '93 ratings of 58 steps in 20 traces, 5 raters'. */
export function rests({ ratings, steps, traces, raters }) {
  return `n = ${plural(ratings, 'rating')} of ${plural(steps, 'step')} in ${plural(traces, 'trace')}, ${plural(raters, 'rater')}`;
}

/** A probability: three decimals, `< .001` below. */
export function probability(p) {
  if (p === null) return '–';
  return p < 0.001 ? '< .001' : p.toFixed(3).replace(/^0/, '');
}

/** A number with these decimals; a dash for none. */
export function decimals(value, digits, unit = '') {
  return value === null ? '–' : `${value.toFixed(digits).replace('-', '−')}${unit}`;
}
