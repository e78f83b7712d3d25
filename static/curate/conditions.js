/** The rule as a form: each condition can be turned on and off, and moved. */
import { el, fill, uid } from '../viewer/dom.js';
import { count } from '../viewer/words.js';
import { CONDITIONS, numberText } from './rule.js';

/** One condition: `value` is null while it is not asked; `show(value)` puts another one in without telling. */
class Condition {
  #on;
  #changed;

  constructor(condition, changed) {
    this.condition = condition;
    this.#changed = changed;
    this.#on = el('input', { type: 'checkbox', class: 'cu-on', id: uid('on') });
    this.#on.addEventListener('change', () => changed());
    this.hint = el('span', { class: 'st-hint', text: condition.hint, title: condition.words });
    const label = el('label', { class: 'cu-name', for: this.#on.id }, condition.title);
    this.node = el('div', { class: 'cu-condition', 'data-condition': condition.name }, el('div', { class: 'cu-condition-head' }, this.#on, label, this.hint), this.controls());
    this.draw();
  }

  get value() {
    return this.#on.checked && !this.#on.disabled ? this.current() : null;
  }

  show(value) {
    this.#on.checked = value !== null;
    if (value !== null) this.put(value);
    this.draw();
  }

  /** Whether the study can be asked this; a word says so where it cannot. */
  allow(allowed) {
    this.#on.disabled = !allowed;
    this.hint.textContent = allowed ? this.condition.hint : 'This study does not ask about it';
    this.draw();
  }

  draw() {
    this.node.classList.toggle('is-off', !this.#on.checked || this.#on.disabled);
  }

  /** A control was moved: the condition is then meant. */
  moved() {
    this.#on.checked = true;
    this.draw();
    this.#changed();
  }
}

/** A number, by a slider and by a field. */
class NumberCondition extends Condition {
  controls() {
    const { condition } = this;
    const share = condition.kind === 'share';
    const limits = { min: '0', max: String(share ? 1 : (condition.most ?? 5)), step: String(condition.step ?? 1), value: String(condition.start) };
    this.slider = el('input', { type: 'range', class: 'cu-slider', 'aria-label': `${condition.title}, slider`, ...limits });
    this.field = el('input', { type: 'number', class: 'st-input cu-number', 'aria-label': condition.title, ...limits, step: condition.kind === 'count' ? '1' : 'any' });
    this.slider.addEventListener('input', () => {
      this.field.value = numberText(this.slider.value);
      this.moved();
    });
    this.field.addEventListener('input', () => {
      if (!this.valid) return;
      this.slider.value = this.field.value;
      this.moved();
    });
    // What is no number was never asked: the last one that was stands there again.
    this.field.addEventListener('change', () => { if (!this.valid) this.field.value = numberText(this.slider.value); });
    return el('div', { class: 'cu-controls' }, this.slider, el('span', { class: 'cu-sign', 'aria-hidden': 'true', text: condition.sign === '<=' ? '≤' : '≥' }), this.field);
  }

  get valid() {
    const number = this.field.valueAsNumber;
    const { min, max } = this.field;
    return Number.isFinite(number) && number >= Number(min) && (number <= Number(max) || this.condition.kind === 'count') && (this.condition.kind !== 'count' || Number.isInteger(number));
  }

  current() {
    return this.valid ? this.field.valueAsNumber : Number(this.slider.value);
  }

  put(value) {
    this.slider.value = String(value);
    if (!(this.valid && this.field.valueAsNumber === value)) this.field.value = numberText(value);
  }

  range([least, most]) {
    for (const node of [this.slider, this.field]) Object.assign(node, { min: String(Math.max(0, least)), max: String(most) });
  }
}

/** Right or wrong. */
class AnswerCondition extends Condition {
  controls() {
    const option = (value) => el('option', { value, text: value });
    this.choice = el('select', { class: 'sc-select st-select', 'aria-label': this.condition.title }, option('right'), option('wrong'));
    this.choice.addEventListener('change', () => this.moved());
    return el('div', { class: 'cu-controls' }, this.choice);
  }

  current() {
    return this.choice.value;
  }

  put(value) {
    this.choice.value = value;
  }
}

/** Names that can be pressed, several at once; none pressed asks for nothing. */
class NamesCondition {
  #chosen = [];
  #options = [];
  #changed;

  constructor(condition, changed) {
    this.#changed = changed;
    const id = uid('names');
    this.group = el('div', { class: 'sc-chips cu-chips', role: 'group', 'aria-labelledby': id });
    this.note = el('span', { class: 'st-hint' });
    this.node = el('div', { class: 'cu-condition', 'data-condition': condition.name }, el('p', { class: 'cu-condition-head' }, el('span', { class: 'cu-name', id, text: condition.title }), this.note), this.group);
  }

  get value() {
    return this.#chosen.length ? this.#chosen : null;
  }

  show(value) {
    this.#chosen = value ?? [];
    this.draw();
  }

  /** `options`: [{ value, title, count }], those that the rated traces have. */
  offer(options) {
    this.#options = options;
    this.draw();
  }

  draw() {
    const gone = this.#chosen.filter((value) => !this.#options.some((option) => option.value === value)).map((value) => ({ value, title: value, count: 0 }));
    const every = [...this.#options, ...gone];
    const words = every.length ? 'all' : 'none yet';
    this.note.textContent = this.#chosen.length ? '' : words;
    const focused = this.group.getRootNode().activeElement?.dataset?.value;
    fill(this.group, every.map((option) => this.#chip(option)));
    if (focused !== undefined) [...this.group.children].find((node) => node.dataset.value === focused)?.focus();
  }

  #chip({ value, title, count: number }) {
    const pressed = this.#chosen.includes(value);
    return el(
      'button',
      { type: 'button', class: 'sc-chip', 'aria-pressed': String(pressed), 'data-value': value, title, onclick: () => this.#turn(value) },
      el('span', { class: 'sc-chip-title', dir: 'auto', text: title }),
      el('span', { class: 'sc-chip-count', text: count(number) }),
    );
  }

  #turn(value) {
    this.#chosen = this.#chosen.includes(value) ? this.#chosen.filter((one) => one !== value) : [...this.#chosen, value];
    this.draw();
    this.#changed();
  }
}

const KINDS = { share: NumberCondition, mean: NumberCondition, count: NumberCondition, answer: AnswerCondition, names: NamesCondition };

/** All conditions. `changed()` is called whenever a person turns or moves one. */
export class Conditions {
  #parts = new Map();

  constructor(changed) {
    for (const condition of CONDITIONS) {
      const part = new KINDS[condition.kind](condition, () => {
        part.draw();
        changed();
      });
      this.#parts.set(condition.name, part);
    }
    this.node = el('div', { class: 'cu-conditions', role: 'group', 'aria-label': 'Conditions' }, ...[...this.#parts.values()].map((part) => part.node));
  }

  /** The conditions that are on: name to value. */
  get values() {
    const found = {};
    for (const [name, part] of this.#parts) if (part.value !== null) found[name] = part.value;
    return found;
  }

  show(values) {
    for (const [name, part] of this.#parts) part.show(values[name] ?? null);
  }

  /** What the study asks about and its traces have: the answer of a preview. */
  fit({ ranges, choices }) {
    for (const [name, range] of Object.entries(ranges)) {
      const part = this.#parts.get(name);
      if (range) part.range(range);
      part.allow(range !== null);
    }
    for (const [name, options] of Object.entries(choices)) this.#parts.get(name).offer(options);
  }
}
