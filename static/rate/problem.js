/** The page cannot begin: why, and a way to try again. Where the server only did not answer, it is tried by itself. */
import { button, el } from '../viewer/dom.js';
import { Unreachable } from './api.js';
import { Backoff } from './backoff.js';

export class Problem {
  name = 'problem';
  #backoff;

  constructor(error, again) {
    this.#backoff = new Backoff(again);
    const now = () => {
      this.#backoff.rest();
      again();
    };
    this.node = el('div', { class: 'rt-page is-narrow' }, el('section', { class: 'rt-card', role: 'alert' }, el('h2', { tabindex: '-1', text: 'This page could not be opened' }), el('p', { text: error.message }), el('div', { class: 'rt-tools' }, button('Try again', now))));
    if (error instanceof Unreachable) this.#backoff.later(Math.max(3, error.wait));
  }

  focus() {
    this.node.querySelector('button').focus({ preventScroll: true });
  }

  destroy() {
    this.#backoff.destroy();
  }
}
