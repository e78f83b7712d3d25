/** The runs that the server still keeps, everyone's, to be opened again. */
import { el, fill, keepFocus } from '../viewer/dom.js';
import { getJson, ownUrl } from '../viewer/api.js';
import { count } from '../viewer/words.js';
import { ago, isOver, stateWord } from './words.js';

const EVERY = 4000;

export class Recent {
  #open;
  #timer = 0;
  #here = '';
  #runs = [];
  #rows = el('ul', { class: 'ak-runs', 'aria-label': 'Recent runs' });
  #wrong = el('p', { class: 'st-error', role: 'alert' });

  /** `open(run)`: somebody wants to see it. */
  constructor(open) {
    this.#open = open;
    this.node = el('div', { class: 'ak-recent' }, this.#rows, this.#wrong);
  }

  watch(seen) {
    clearInterval(this.#timer);
    if (!seen) return;
    this.load();
    this.#timer = setInterval(() => this.load(), EVERY);
  }

  async load() {
    try {
      const { runs } = await getJson('api/runs');
      this.#runs = runs;
      this.#wrong.textContent = '';
      this.#draw();
    } catch (error) {
      this.#wrong.textContent = error.message;
    }
  }

  mark(run) {
    this.#here = run;
    this.#draw();
  }

  #draw() {
    const none = el('li', { class: 'sc-quiet ak-none', text: 'None yet. A run stands here as long as the server keeps it; its traces stay in Inspect.' });
    keepFocus(this.node, () => fill(this.#rows, this.#runs.length ? this.#runs.map((one) => this.#row(one)) : none));
  }

  #row(one) {
    const { run, question, policy, picture, samples, ended, state, begun } = one;
    const done = isOver(state) ? stateWord(state).toLowerCase() : `${stateWord(state).toLowerCase()}, ${count(ended)} of ${count(samples)}`;
    const thumbnail = typeof picture === 'object' && picture ? picture.thumbnail : `/pictures/${picture}/thumbnail`;
    const meta = [done, samples > 1 ? `${count(samples)} draws` : '', begun ? ago(begun) : ''].filter(Boolean).join(' · ');
    const pick = el(
      'button',
      { type: 'button', class: 'sc-row ak-run-row', 'data-key': `run-${run}`, 'aria-current': run === this.#here ? 'true' : null, onclick: () => this.#open(run) },
      el('img', { class: 'sc-thumb', src: ownUrl(thumbnail), alt: '', loading: 'lazy' }),
      el('span', { class: 'sc-row-words' }, el('span', { class: 'sc-row-question', dir: 'auto', text: question }), el('span', { class: 'sc-row-meta', text: meta }), el('span', { class: 'sc-row-meta', dir: 'auto', text: policy })),
    );
    return el('li', {}, pick);
  }
}

