/** Counts, times and places in words. */

const COUNT = new Intl.NumberFormat('en-GB');
const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit' });

export function count(number) {
  return COUNT.format(number);
}

export function plural(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/** The time of the day here: 12:03:04. */
export function clock(iso) {
  return CLOCK.format(new Date(iso));
}

export function day(iso) {
  return DAY.format(new Date(iso));
}

/** 'Trace 7 of 16 · step 2 of 3' */
export function placeWords({ trace_number: trace, traces, step_number: step, steps }) {
  return `Trace ${count(trace)} of ${count(traces)} · step ${count(step)} of ${count(steps)}`;
}

/** 'Trace 7, step 2': how a step is named among others. */
export function stepName({ trace_number: trace, step_number: step }) {
  return `Trace ${count(trace)}, step ${count(step)}`;
}

/** So many ratings make a median that says something. */
const ENOUGH = 5;

/** 'about 9 min left'; nothing before there are enough ratings to go by. */
export function timeLeft({ done, open, seconds_left: seconds }) {
  if (done < ENOUGH || seconds === null || seconds === undefined || open < 1) return '';
  if (seconds < 60) return 'less than a minute left';
  if (seconds < 90 * 60) return `about ${count(Math.round(seconds / 60))} min left`;
  return `about ${count(Math.round(seconds / 3600))} h left`;
}

/** A coordinate with one decimal at most. */
export function px(value) {
  return String(Math.round(value * 10) / 10);
}

/** The stand-in for a coordinate without its brackets: the chip around it says as much. */
export function bare(text) {
  return text.replace(/^\s*\[(.*)\]\s*$/s, '$1');
}
