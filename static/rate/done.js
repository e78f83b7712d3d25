/** Quiet screens: nothing left to rate, and waiting for what comes next. */
import { button, el, fill } from '../viewer/dom.js';
import { icon } from './icons.js';
import { count, plural } from './words.js';

function figure(number, words) {
  return el('div', { class: 'rt-figure' }, el('strong', { text: count(number) }), el('span', { class: 'sc-quiet', text: words }));
}

export class Done {
  name = 'done';

  /** `tools`: keymap, status (a node), run(action), others: how many other studies still have steps */
  constructor(study, progress, { keymap, status, run, others }) {
    const [title, words] = this.#words(study, progress, others);
    const tool = (id, label, sign) => button([icon(sign), label, el('kbd', { text: keymap.label(id) })], () => run(id));
    this.node = el(
      'div',
      { class: 'rt-page is-narrow' },
      el(
        'section',
        { class: 'rt-card rt-done' },
        el('h2', { tabindex: '-1', text: title }),
        el('p', { class: 'rt-done-study' }, el('span', { dir: 'auto', text: study.name })),
        progress.done ? el('div', { class: 'rt-figures' }, figure(progress.done - progress.skipped, 'rated'), figure(progress.skipped, 'skipped')) : null,
        el('p', { text: words }),
        el('div', { class: 'rt-tools' }, progress.done ? tool('mine', 'Your ratings', 'ring') : null, tool('studies', 'Studies', 'left'), tool('guide', 'Instructions', 'question')),
      ),
      status,
    );
  }

  #words(study, progress, others) {
    const more = others ? ` ${plural(others, 'other study', 'other studies')} still ${others === 1 ? 'has' : 'have'} steps for you.` : '';
    if (study.closed) return ['This study is closed', `It asks nobody any more.${progress.done ? ' Your ratings are kept. Thank you.' : ''}${more}`];
    if (!progress.done) return ['Nothing to rate yet', `The study has no steps that you could be given now.${more}`];
    return ['Done. Thank you', `You have been through every step that could be given to you. When others leave steps open, or new ones come in, they are found here.${more}`];
  }

  focus() {
    this.node.querySelector('h2').focus({ preventScroll: true });
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
