/** The questions of a study: their words, what they count as, and their answers with key and score. */
import { button, el, fill, keepFocus } from '../viewer/dom.js';
import { ACTIONS } from '../rate/keymap.js';
import { icon } from '../viewer/icons.js';
import { errorRoom, field, numberInput, select, textInput } from './fields.js';
import { MEASURES } from './words.js';

/** Keys that the raters' page has a use for itself, as it is set up at first, are not proposed. */
const KEPT = new Set(ACTIONS.flatMap((action) => [action.key, ...(action.also ?? [])]));
const FREE = [...'1234567890qwertyuiopadfghjklxvn'].filter((key) => !KEPT.has(key));

/** So many keys that no answer has yet. */
export function freeKeys(questions, number) {
  const taken = new Set(questions.flatMap((question) => question.choices.map((choice) => choice.key)));
  return FREE.filter((key) => !taken.has(key)).slice(0, number);
}

/** A name that no question has yet. */
function freeId(questions) {
  const taken = new Set(questions.map((question) => question.id));
  let number = questions.length + 1;
  while (taken.has(`question_${number}`)) number += 1;
  return `question_${number}`;
}

/** A further question, an agreement from 1 to 5, with keys of its own. */
export function newQuestion(questions) {
  const keys = freeKeys(questions, 5);
  const choices = [1, 2, 3, 4, 5].map((n, k) => ({ value: String(n), label: String(n), key: keys[k] ?? '', score: n }));
  return { id: freeId(questions), text: '', measure: 'other', choices, low: 'strongly disagree', high: 'strongly agree' };
}

export class Questions {
  #settings;
  #changed;

  /** `changed()` is called after every change of `settings.questions`, in place. */
  constructor(settings, changed) {
    this.#settings = settings;
    this.#changed = changed;
    this.list = el('div', { class: 'st-questions' });
    const add = button([icon('plus'), 'Add a question'], () => this.#add(), { 'data-key': 'add-question' });
    this.node = el('div', { class: 'st-stack' }, errorRoom('questions'), this.list, el('div', {}, add));
    this.draw();
  }

  draw() {
    keepFocus(this.node, () => fill(this.list, this.#settings.questions.map((question, k) => this.#card(question, k))));
  }

  /** A change of what there is, not only of a value: drawn anew. */
  #altered(focus = '') {
    this.draw();
    this.#changed();
    if (focus) this.node.querySelector(`[data-key="${focus}"]`)?.focus();
  }

  #add() {
    this.#settings.questions.push(newQuestion(this.#settings.questions));
    this.#altered(`text-${this.#settings.questions.length - 1}`);
  }

  #remove(k) {
    this.#settings.questions.splice(k, 1);
    this.#altered('add-question');
  }

  #move(k, by) {
    const list = this.#settings.questions;
    [list[k], list[k + by]] = [list[k + by], list[k]];
    this.#altered(`text-${k + by}`);
  }

  #card(question, k) {
    const path = `questions.${k}`;
    const set = (name) => (value) => { question[name] = value; this.#changed(); };
    const last = k === this.#settings.questions.length - 1;
    const tools = el(
      'div',
      { class: 'st-tools' },
      k ? button('Up', () => this.#move(k, -1), { class: 'is-bare', 'aria-label': `Move question ${k + 1} up` }) : null,
      last ? null : button('Down', () => this.#move(k, 1), { class: 'is-bare', 'aria-label': `Move question ${k + 1} down` }),
      button([icon('close'), 'Remove'], () => this.#remove(k), { class: 'is-bare', 'aria-label': `Remove question ${k + 1}` }),
    );
    return el(
      'section',
      { class: 'st-question', 'aria-label': `Question ${k + 1}` },
      el('header', { class: 'st-question-head' }, el('h4', { text: `Question ${k + 1}` }), tools),
      el(
        'div',
        { class: 'st-grid' },
        field(`${path}.text`, 'Text', textInput(question.text, set('text'), { 'data-key': `text-${k}`, spellcheck: 'true' }), { wide: true }),
        field(`${path}.measure`, 'Counts as', select(question.measure, MEASURES, set('measure'))),
        field(`${path}.id`, 'Name in the data', textInput(question.id, set('id'))),
        field(`${path}.low`, 'Words at the low end', textInput(question.low, set('low'))),
        field(`${path}.high`, 'Words at the high end', textInput(question.high, set('high'))),
      ),
      this.#choices(question, path, k),
      errorRoom(`${path}.choices`),
    );
  }

  #choices(question, path, k) {
    const head = ['Answer', 'Key', 'Score', 'Name in the data', ''].map((text) => el('th', { scope: 'col' }, text || el('span', { class: 'sc-hidden', text: 'Remove' })));
    const rows = question.choices.map((choice, c) => this.#row(question, choice, `${path}.choices.${c}`, k, c));
    const add = button([icon('plus'), 'Add an answer'], () => this.#addChoice(question, k), { class: 'is-bare', 'data-key': `add-${k}` });
    const table = el('table', { class: 'st-choices' }, el('caption', { class: 'sc-hidden', text: `Answers of question ${k + 1}` }), el('thead', {}, el('tr', {}, ...head)), el('tbody', {}, ...rows));
    return el('div', { class: 'st-choices-box' }, table, add, el('p', { class: 'st-hint', text: 'An answer without a score is counted and never scored.' }));
  }

  #addChoice(question, k) {
    const [key = ''] = freeKeys(this.#settings.questions, 1);
    question.choices.push({ value: `answer_${question.choices.length + 1}`, label: '', key, score: null });
    this.#altered(`label-${k}-${question.choices.length - 1}`);
  }

  #row(question, choice, path, k, c) {
    const set = (name) => (value) => { choice[name] = value; this.#changed(); };
    const cell = (name, label, control) => el('td', {}, field(`${path}.${name}`, `${label} ${c + 1} of question ${k + 1}`, control, { hidden: true }));
    const remove = () => {
      question.choices.splice(c, 1);
      this.#altered(`add-${k}`);
    };
    return el(
      'tr',
      {},
      cell('label', 'Answer', textInput(choice.label, set('label'), { 'data-key': `label-${k}-${c}` })),
      cell('key', 'Key of answer', textInput(choice.key, set('key'), { class: 'st-input st-key', maxlength: '2' })),
      cell('score', 'Score of answer', numberInput(choice.score, set('score'), { empty: null, placeholder: 'none' })),
      cell('value', 'Name of answer', textInput(choice.value, set('value'))),
      el('td', {}, button(icon('close'), remove, { class: 'is-bare', 'aria-label': `Remove answer ${c + 1} of question ${k + 1}`, title: 'Remove' })),
    );
  }

  /** What the closed part says of itself. */
  static words(settings) {
    const texts = settings.questions.map((question) => question.text || 'no text');
    return texts.length ? texts.join(' · ') : 'none';
  }
}
