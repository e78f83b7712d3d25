/** Amounts, times and choices of a study in words. */
import { count, plural } from '../viewer/words.js';

/** What a rating takes where nobody has rated yet: an assumption, and said to be one wherever it is used. */
export const SECONDS_A_RATING = 13;

/** 'about 2 h 40', 'about 53 min', 'less than a minute' */
export function duration(seconds) {
  const minutes = Math.round(seconds / 60);
  if (minutes < 1) return 'less than a minute';
  if (minutes < 60) return `about ${minutes} min`;
  const rest = minutes % 60;
  return `about ${count(Math.floor(minutes / 60))} h${rest ? ` ${String(rest).padStart(2, '0')}` : ''}`;
}

const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit' });
const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });

/** A moment for reading: '21 Nov 2026, 13:22'; '' for none. */
export function moment(iso) {
  return iso ? DAY.format(new Date(iso)) : '';
}

/** '12:03:04' */
export function clock(date) {
  return CLOCK.format(date);
}

/** 'one', 'two and three', 'one, two and three' */
export function listed(words) {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

export const STEP_CHOICES = { all: 'every step with a point', first: 'only the first such step', last: 'only the last such step', looked: 'only steps that zoomed in' };
export const ORDERS = { by_trace: 'trace by trace', shuffled: 'all steps mixed' };
export const MEASURES = { accuracy: 'accuracy (0 or 1)', helpfulness: 'helpfulness (a scale)', other: 'a question of its own' };
export const UNITS = { pixels: 'pixels', 'percent of width': '% of the width' };
export const LEFT_OUT = { by_hand: 'left out by hand', not_selected: 'no longer selected', trace_gone: 'its trace is gone' };

/** The size of a circle: '100 pixels', '8 % of the width'. */
export function circleSize({ diameter, unit }) {
  return `${diameter} ${UNITS[unit] ?? unit}`;
}

/** Which steps a selection takes, in a sentence; `titles` gives the words for a domain's name. */
export function selectionWords(selection, titles = {}) {
  const among = (values, all, word) => (values.length ? `${word} ${listed(values.map((value) => titles[value] ?? value))}` : all);
  const from = [among(selection.datasets, 'every data set', 'the data set'), among(selection.domains, 'every domain', 'the domain'), among(selection.policies, 'every policy', 'the policy')];
  const traces = selection.traces ? `at most ${plural(selection.traces, 'trace')}` : 'all traces';
  const each = selection.steps_per_trace ? `, at most ${plural(selection.steps_per_trace, 'step')} of each` : '';
  const words = selection.min_words > 1 ? `, of ${plural(selection.min_words, 'word')} or more` : '';
  return `${traces} of ${listed(from)}: ${STEP_CHOICES[selection.steps] ?? selection.steps}${each}${words}`;
}

/**
 * What a selection would ask, and how long that takes. `seconds` is the median time on a step where it is known.
 * A person rates a step once, so the work is that of `people` persons at least.
 */
export function askWords(found, people, seconds = null) {
  const pace = seconds ?? SECONDS_A_RATING;
  const all = found.steps * people;
  const head = `${plural(found.steps, 'step')} of ${plural(found.traces, 'trace')} × ${plural(people, 'person', 'people')} = ${plural(all, 'rating')}`;
  const how = seconds === null ? `at an assumed ${SECONDS_A_RATING} s a step` : `at ${seconds.toFixed(1)} s a step, the median so far`;
  const each = people > 1 ? `, ${duration(found.steps * pace)} for each of ${people} people` : '';
  return { head, time: `${duration(all * pace)}${people > 1 ? ' in all' : ''}${each}, ${how}` };
}
