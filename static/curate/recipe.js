/** What is asked for beside the rule: whose points stand in the text, and how the pictures are split. */
import { el, uid } from '../viewer/dom.js';
import { numberText } from './rule.js';

const CORRECTIONS = [
  ['apply', 'People’s points', 'Where people agree that a point belongs elsewhere, the text says so. A trace in which that cannot be had is left out.'],
  ['leave', 'The model’s points', 'The text stays as the model wrote it.'],
];
const SPLITS = ['train', 'validation', 'test'];
const MOST_SEED = Number.MAX_SAFE_INTEGER;

export class RecipeForm {
  #corrections = new Map();
  #shares = new Map();

  constructor(changed) {
    const group = uid('corrections');
    const choices = CORRECTIONS.map(([value, title, hint]) => {
      const id = uid('correction');
      const node = el('input', { type: 'radio', name: group, value, id, checked: value === 'apply' });
      node.addEventListener('change', changed);
      this.#corrections.set(value, node);
      return el('div', { class: 'st-check' }, node, el('label', { for: id }, title, el('span', { class: 'st-hint', text: hint })));
    });
    const shares = SPLITS.map((name) => this.#number(name[0].toUpperCase() + name.slice(1), { max: '1', step: 'any' }, changed, (node) => this.#shares.set(name, node)));
    const seed = this.#number('Seed', { max: String(MOST_SEED), step: '1', value: '0' }, changed, (node) => { this.seed = node; });
    this.node = el(
      'div',
      { class: 'cu-recipe' },
      el('fieldset', { class: 'cu-set' }, el('legend', { text: 'Where people moved a point' }), ...choices),
      el('fieldset', { class: 'cu-set' }, el('legend', { text: 'Split by picture' }), el('div', { class: 'cu-shares' }, ...shares, seed), el('p', { class: 'st-hint', text: 'Shares that make 1. All traces of a picture are in one split; another seed draws anew.' })),
    );
  }

  #number(label, options, changed, keep) {
    const id = uid('number');
    const node = el('input', { type: 'number', class: 'st-input cu-number', id, min: '0', ...options });
    node.addEventListener('input', changed);
    keep(node);
    return el('div', { class: 'st-field' }, el('label', { class: 'st-label', for: id, text: label }), node);
  }

  /** The shares as they are asked for: "0.9,0.05,0.05". */
  set split(text) {
    text.split(',').forEach((share, k) => { this.#shares.get(SPLITS[k]).value = share; });
  }

  /** What is sent with the rule. A field that holds no number is sent as it stands, and the server says what is wrong with it. */
  get value() {
    const [corrections] = [...this.#corrections].find(([, node]) => node.checked);
    const split = [...this.#shares.values()].map((node) => (Number.isFinite(node.valueAsNumber) ? numberText(node.valueAsNumber) : node.value)).join(',');
    const seed = Number.isSafeInteger(this.seed.valueAsNumber) && this.seed.valueAsNumber >= 0 ? this.seed.valueAsNumber : 0;
    return { corrections, split, seed };
  }
}
