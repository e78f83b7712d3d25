/** What a rater would see under these settings: a step of the store with the circle drawn to scale, and the questions with their keys. */
import { debounce, el, fill } from '../viewer/dom.js';
import { exampleUrl, CirclePicture, replaced, someStep } from './pictures.js';

/** Where the store has nothing yet: the cup of the demo. */
const STANDBY = { url: exampleUrl('coffee.png'), point: { x: 300, y: 205 }, parts: [{ text: 'The cup ' }, { text: '', point: true }, { text: ' stands on a saucer.' }] };

export class Specimen {
  #settings = null;
  #step = STANDBY;
  #asked = '';
  #off = new AbortController();
  #picture = new CirclePicture('A picture with the circle as raters see it');

  constructor() {
    this.sentence = el('p', { class: 'st-specimen-sentence', dir: 'auto' });
    this.questions = el('div', { class: 'st-specimen-questions' });
    this.node = el('section', { class: 'st-specimen', 'aria-label': 'What raters see' }, el('h3', { class: 'st-label', text: 'What raters see' }), this.#picture.node, this.sentence, this.questions);
    this.redraw = debounce(() => this.#draw(), 30);
  }

  destroy() {
    this.#off.abort();
    this.redraw.cancel();
  }

  show(settings) {
    this.#settings = settings;
    this.redraw();
  }

  /** Looks for a step that a selection would ask; the one there stays while there is none. */
  async look(selection) {
    const wish = JSON.stringify([selection.datasets, selection.domains, selection.policies, selection.steps, selection.min_words]);
    if (wish === this.#asked) return;
    this.#asked = wish;
    const found = await someStep(selection, this.#off.signal).catch(() => null);
    if (wish !== this.#asked || this.#off.signal.aborted) return;
    this.#step = found ?? STANDBY;
    this.redraw();
  }

  #draw() {
    const { circle, questions, replacement } = this.#settings;
    this.#picture.set(this.#step, circle);
    const parts = replaced(this.#step.parts, replacement);
    fill(this.sentence, parts.map((part) => (part.circle ? el('span', { class: 'st-circle-words', text: part.text }) : part.text)));
    fill(this.questions, questions.map((question) => this.#question(question)));
  }

  #question({ text, choices, low, high }) {
    const answers = choices.map((choice) => el('span', { class: 'st-answer' }, el('span', { text: choice.label || '…' }), el('kbd', { text: choice.key.toUpperCase() || '?' })));
    const ends = low || high ? el('p', { class: 'st-ends' }, el('span', { text: low }), el('span', { text: high })) : null;
    return el('div', { class: 'st-specimen-question' }, el('p', { class: 'st-specimen-text', dir: 'auto', text: text || 'No text yet' }), el('div', { class: 'st-answers' }, ...answers), ends);
  }
}
