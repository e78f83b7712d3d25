/** The questions that recorded runs answer: with a recording in place of a model, only these can be asked. */
import { el, fill } from '../viewer/dom.js';
import { field } from '../studies/fields.js';

const LONGEST = 90;

function titleOf({ question, picture }) {
  const words = question.replaceAll(/\s+/g, ' ').trim();
  return [words.length > LONGEST ? `${words.slice(0, LONGEST - 1)}…` : words, picture.name].filter(Boolean).join(' · ');
}

export class Recorded {
  #examples = [];
  #form;
  #list = el('select', { class: 'sc-select st-select', 'data-key': 'recorded' });

  constructor(form) {
    this.#form = form;
    this.#list.addEventListener('change', () => this.#fill(this.#examples[Number(this.#list.value)]));
    this.node = field('recorded', 'Recorded question', this.#list, { hint: 'A recording answers only what it was asked.' });
    this.node.hidden = true;
    form.policies.node.after(this.node);
  }

  take({ examples = [] }) {
    this.#examples = examples;
    fill(this.#list, el('option', { value: '', text: 'Choose one…', disabled: true }), examples.map((one, k) => el('option', { value: k, text: titleOf(one) })));
    this.show();
  }

  /** There is a recording, and something that it answers. */
  get there() {
    return Boolean(this.#form.policies.recorded) && this.#examples.length > 0;
  }

  /** In sight while a recording is chosen. */
  show() {
    this.node.hidden = !(this.#form.policies.chosen?.recorded && this.#examples.length);
    const here = this.#examples.findIndex((one) => this.#isHere(one));
    this.#list.selectedIndex = here + 1;
  }

  #isHere({ question, picture }) {
    return picture.sha256 === this.#form.picture.picture?.sha256 && question.trim() === this.#form.question.value.trim();
  }

  #fill({ question, domain, truth, picture }) {
    this.#form.fill({ question, domain, truth });
    this.#form.picture.take(picture);
  }

  /** What is asked to see a recording: the question of the form where one answers it, else the first that zooms. Fills the form. */
  wish() {
    this.#form.policies.choose(this.#form.policies.recorded.reference);
    if (!this.#examples.some((one) => this.#isHere(one))) {
      this.#fill(this.#examples.find((one) => one.domain === 'visual_search') ?? this.#examples[0]);
    }
    return this.#form.read();
  }
}
