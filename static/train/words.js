/** Runs of training and their figures in words. */
import { count } from '../viewer/words.js';
import { ago } from '../ask/words.js';

/** How far a run is: 'step 1,240 of 8,000'. */
export function stepWords({ step, steps }) {
  if (step === null) return steps === null ? '' : `${count(steps)} steps`;
  return steps === null ? `step ${count(step)}` : `step ${count(step)} of ${count(steps)}`;
}

/** When something was, from seconds since 1970: 'just now', '5 min ago', '14 Nov'. */
export function since(seconds) {
  return seconds === null ? '' : ago(new Date(seconds * 1000));
}

/** A value of a chart, as short as it can be told: 87.3 %, 0.0021, 12,400. */
export function value(number, scale) {
  if (scale === 'share') return `${(number * 100).toFixed(number > 0 && number < 0.1 ? 2 : 1)} %`.replace('-', '−');
  const size = Math.abs(number);
  if (size >= 1000) return count(Math.round(number));
  if (size > 0 && size < 0.001) return number.toExponential(2).replaceAll('-', '−');
  return String(Number(number.toPrecision(4))).replace('-', '−');
}
