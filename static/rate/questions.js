/** The questions of a study with their answers as large buttons. */
import { el, fill, uid } from '../viewer/dom.js';
import { answerAction } from './keymap.js';

/** Arrows go from answer to answer without giving one: an answer may send the rating. */
function walk(event) {
  const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!by || event.shiftKey || event.altKey || event.ctrlKey || event.defaultPrevented) return;
  const all = [...event.currentTarget.querySelectorAll('[role=radio]')];
  const at = all.indexOf(event.target);
  if (at < 0) return;
  const next = all[(at + by + all.length) % all.length];
  for (const one of all) one.tabIndex = one === next ? 0 : -1;
  next.focus();
  event.preventDefault();
}

export class Questions {
  #questions = [];
  #keymap;
  #answered;

  /** `answered(question, value)` when an answer is pressed. */
  constructor(keymap, answered) {
    this.#keymap = keymap;
    this.#answered = answered;
    this.node = el('div', { class: 'rt-questions' });
  }

  setQuestions(questions) {
    this.#questions = questions;
    fill(this.node, questions.map((question) => this.#group(question)));
  }

  #group(question) {
    const label = uid('question');
    const scale = question.choices.length > 3;
    const choices = question.choices.map((choice) => this.#choice(question, choice));
    const buttons = el('div', { class: `rt-choices${scale ? ' is-scale' : ''}`, role: 'radiogroup', 'aria-labelledby': label, onkeydown: walk }, ...choices);
    buttons.style.setProperty('--rt-choices', String(question.choices.length));
    const ends = question.low || question.high ? el('p', { class: 'rt-ends', 'aria-hidden': 'true' }, el('span', { text: question.low }), el('span', { text: question.high })) : null;
    return el('section', { class: 'rt-question', 'data-question': question.id, 'aria-labelledby': label }, el('h3', { id: label, dir: 'auto', text: question.text }), buttons, ends);
  }

  /** The words at the ends of a scale belong to what is read out for its first and last answer. */
  #choice(question, choice) {
    const end = { [question.choices[0].value]: question.low, [question.choices.at(-1).value]: question.high }[choice.value];
    const name = end ? `${choice.label}, ${end}` : null;
    const cap = el('kbd', { 'aria-hidden': 'true', 'data-action': answerAction(question.id, choice.value) });
    return el(
      'button',
      { type: 'button', class: 'rt-choice', role: 'radio', 'aria-checked': 'false', 'aria-label': name, 'data-value': choice.value, onclick: () => this.#answered(question.id, choice.value) },
      el('span', { class: 'rt-choice-label', dir: 'auto', text: choice.label }),
      cap,
    );
  }

  /** Shows which answers are given, the keys as they are, and whether answering is possible yet. */
  show({ answers, locked }) {
    this.node.classList.toggle('is-locked', locked);
    for (const section of this.node.children) {
      const given = answers[section.dataset.question];
      const all = [...section.querySelectorAll('[role=radio]')];
      const tab = all.find((one) => one.dataset.value === given) ?? all[0];
      for (const one of all) {
        one.setAttribute('aria-checked', String(one.dataset.value === given));
        one.disabled = locked;
        one.tabIndex = one === tab ? 0 : -1;
      }
      section.classList.toggle('is-answered', given !== undefined);
    }
    this.#caps();
  }

  #caps() {
    for (const cap of this.node.querySelectorAll('kbd')) {
      cap.textContent = this.#keymap.label(cap.dataset.action);
      const key = this.#keymap.keyOf(cap.dataset.action);
      cap.parentElement.setAttribute('aria-keyshortcuts', key);
    }
  }

  /** Only while the last answer is being shown, before the next step. */
  setLeaving(leaving) {
    this.node.classList.toggle('is-leaving', leaving);
  }

  /** Words of the answers, for lists: 'Yes · 4'. */
  static words(questions, answers) {
    return questions.map(({ id, choices }) => choices.find(({ value }) => value === answers[id])?.label).filter(Boolean).join(' · ');
  }
}
