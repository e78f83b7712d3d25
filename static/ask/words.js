/** Runs, draws and figures in words. */
import { count, plural } from '../viewer/words.js';

const OVER = new Set(['done', 'stopped', 'failed']);

/** Whether a run or a draw in this state has ended. */
export function isOver(state) {
  return OVER.has(state);
}

/** '12 s', '3 min', '1 h 20 min' */
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return whole < 600 && whole % 60 ? `${Math.floor(whole / 60)} min ${whole % 60} s` : `${Math.round(whole / 60)} min`;
  return `${Math.floor(whole / 3600)} h ${Math.round((whole % 3600) / 60)} min`;
}

/** 0.714 -> '71 %' */
export function percent(share) {
  const whole = Math.round(share * 100);
  // What is nearly all is not all, and what is nearly nothing is not nothing.
  const rounded = (whole === 100 && share < 1) || (whole === 0 && share > 0);
  return rounded ? `${(Math.min(Math.max(share, 0.001), 0.999) * 100).toFixed(1)} %` : `${whole} %`;
}

/** How long ago, from a time in the ISO form: 'just now', '5 min ago', '14 Nov'. */
export function ago(time) {
  const then = new Date(time);
  if (Number.isNaN(then.valueOf())) return '';
  const seconds = (Date.now() - then) / 1000;
  if (seconds < 60) return 'just now';
  if (seconds < 86_400) return `${duration(Math.floor(seconds / 60) * 60)} ago`;
  return then.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' });
}

const STATES = { waiting: 'Waiting', loading: 'Loading the model', running: 'Running', done: 'Done', stopped: 'Stopped', failed: 'Failed' };

export function stateWord(state) {
  return STATES[state] ?? state;
}

/** How long a run still takes: until its first turn has ended, what its limits allow. */
function timeLeft(left, most) {
  if (left !== null) return left < 1.5 ? 'nearly there' : `about ${duration(left)} left`;
  return most !== null ? `at most ${duration(most)} left` : 'no estimate until more is written';
}

/** The figures of a run in one line, whatever of them is known. */
export function figures({ samples, ended, tokens, tokens_per_second: speed, seconds, seconds_left: left, seconds_at_most: most, state }) {
  const parts = [];
  if (samples > 1 && state !== 'done') parts.push(`${count(ended)} of ${count(samples)} ended`);
  if (tokens) parts.push(plural(tokens, 'token'));
  if (speed) parts.push(`${speed < 10 ? speed.toFixed(1) : count(Math.round(speed))} tokens/s`);
  if (isOver(state) && seconds) parts.push(duration(seconds));
  else if (state === 'running') parts.push(timeLeft(left ?? null, most ?? null));
  return parts;
}

/** Where the traces of a run are: '8 traces in “asked”'. */
export function keptWords({ traces = [], not_stored: refused }) {
  if (refused) return 'not stored';
  const names = [...new Set(traces.map((one) => `“${one.dataset}”`))];
  return traces.length ? `${plural(traces.length, 'trace')} in ${names.join(', ')}` : 'nothing stored';
}

/** An answer between quotes, cut where it is long. */
export function quoted(text, most = 60) {
  const characters = Array.from(text.replaceAll(/\s+/g, ' ').trim());
  return `“${characters.length > most ? `${characters.slice(0, most - 1).join('')}…` : characters.join('')}”`;
}

/** What a draw has come to, in a line: '3 steps · 2 looks · answered'. */
export function drawWords(view, stop) {
  if (!view) return '';
  const looks = view.steps.filter((step) => step.look).length;
  return [plural(view.steps.length, 'step'), looks ? plural(looks, 'look') : 'no looks', stop].filter(Boolean).join(' · ');
}
