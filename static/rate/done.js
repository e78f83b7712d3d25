/** Quiet screens: nothing left to rate, and waiting for what comes next. */
import { button, el, fill } from '../viewer/dom.js';
import { icon } from './icons.js';
import { count, plural } from './words.js';

function figure(number, words) {
  return el('div', { class: 'rt-figure' }, el('strong', { text: count(number) }), el('span', { class: 'sc-quiet', text: words }));
}

/** Title and words for how a study stands. */
function ending({ closed }, { done }, others) {
  const more = others ? ` ${plural(others, 'other study', 'other studies')} still ${others === 1 ? 'has' : 'have'} steps for you.` : '';
  if (closed) return ['This study is closed', `It asks nobody any more.${done ? ' Your ratings are kept. Thank you.' : ''}${more}`];
  if (!done) return ['Nothing to rate yet', `The study has no steps that you could be given now.${more}`];
  return ['Done. Thank you', `You have been through every step that could be given to you. When others leave steps open, or new ones come in, they are found here.${more}`];
}

export class Done {
  name = 'done';
  #title = el('h2', { tabindex: '-1' });
  #figures = el('div', { class: 'rt-figures' });
  #words = el('p');

  /** `tools`: keymap, status (a node), run(action) */
  constructor(study, { keymap, status, run }) {
    this.study = study;
    this.others = 0;
    const tool = (id, label, sign) => button([icon(sign), label, el('kbd', { text: keymap.label(id) })], () => run(id));
    const tools = el('div', { class: 'rt-tools' }, tool('mine', 'Your ratings', 'ring'), tool('studies', 'Studies', 'left'), tool('guide', 'Instructions', 'question'));
    const card = el('section', { class: 'rt-card rt-done' }, this.#title, el('p', { class: 'rt-done-study' }, el('span', { dir: 'auto', text: study.name })), this.#figures, this.#words, tools);
    this.node = el('div', { class: 'rt-page is-narrow' }, card, status);
  }

  /** `others`: how many other studies still have steps for this rater. */
  show(progress, others = this.others) {
    this.others = others;
    [this.#title.textContent, this.#words.textContent] = ending(this.study, progress, others);
    fill(this.#figures, progress.done ? [figure(progress.done - progress.skipped, 'rated'), figure(progress.skipped, 'skipped')] : []);
  }

  focus() {
    this.#title.focus({ preventScroll: true });
  }
}

export class Waiting {
  name = 'waiting';
  #words = el('p', { class: 'sc-quiet', role: 'status' });
  #buttons = el('div', { class: 'rt-tools' });
  #keymap;
  #tools;
  #slow;
  #tick;

  /** `tools`: keymap, status (a node), failure() -> words, nextTry() -> a time, retry() */
  constructor(tools) {
    this.#keymap = tools.keymap;
    this.#tools = tools;
    this.node = el('div', { class: 'rt-page is-narrow' }, el('section', { class: 'rt-card rt-waiting', 'aria-label': 'The next step' }, this.#words, this.#buttons), tools.status);
    // A wait of less than a second needs no word.
    this.#slow = setTimeout(() => this.node.classList.add('is-slow'), 1000);
    this.#tick = setInterval(() => this.show(), 500);
    this.show();
  }

  show() {
    const failure = this.#tools.failure();
    const seconds = Math.ceil((this.#tools.nextTry() - Date.now()) / 1000);
    if (failure) this.node.classList.add('is-slow');
    this.#words.textContent = failure ? `The next step could not be fetched. ${failure}${seconds > 0 ? ` Trying again in ${seconds} s.` : ''}` : 'Fetching the next step…';
    if (failure && !this.#buttons.firstChild) fill(this.#buttons, button(['Try now', el('kbd', { text: this.#keymap.label('retry') })], () => this.#tools.retry()));
    if (!failure) fill(this.#buttons);
  }

  destroy() {
    clearTimeout(this.#slow);
    clearInterval(this.#tick);
  }
}
