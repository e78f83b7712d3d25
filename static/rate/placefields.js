/** The panel of a correction: what to do, the numbers, and ways to take it away or leave. */
import { button, el, fill, uid } from '../viewer/dom.js';
import { keyLabel } from './keymap.js';
import { px } from './words.js';

const WORDS = {
  own: ['Where would you put it?', 'Mark what the sentence describes: click on the picture, or use the arrows (1 px, with Shift 10). Then the circle is shown.'],
  point: ['Where should the point be?', 'Drag the circle, click on the picture, or use the arrows (1 px, with Shift 10).'],
  box: ['Which box should it have hit?', 'Drag on the picture, or use the arrows to move it and Alt with arrows for its size (1 px, with Shift 10).'],
};
const NAMES = { own: ['x', 'y'], point: ['x', 'y'], box: ['x1', 'y1', 'x2', 'y2'] };
const SPOKEN = { x: 'x, from the left', y: 'y, from the top', x1: 'left edge, x', y1: 'top edge, y', x2: 'right edge, x', y2: 'bottom edge, y' };

export class PlaceFields {
  #events;
  #names = [];
  #inputs = [];
  #mode = '';
  #head = el('h3', {});
  #words = el('p', { class: 'sc-quiet' });
  #fields = el('div', { class: 'rt-fields' });
  #buttons = el('div', { class: 'rt-tools' });

  /** `events`: put(value or null), done(), confirm() */
  constructor(events) {
    this.#events = events;
    const label = uid('place');
    this.#head.id = label;
    this.node = el('section', { class: 'rt-place-panel', role: 'group', 'aria-labelledby': label, tabindex: '-1', hidden: true }, this.#head, this.#words, this.#fields, this.#buttons);
    this.node.addEventListener('keydown', (event) => this.#key(event));
  }

  open(mode, size, keymap) {
    this.#mode = mode;
    this.node.hidden = false;
    [this.#head.textContent, this.#words.textContent] = WORDS[mode];
    this.#names = NAMES[mode];
    this.#inputs = this.#names.map((name) => this.#input(name, name.startsWith('x') ? size.width : size.height));
    fill(this.#fields, this.#names.map((name, k) => el('label', { class: 'rt-field' }, el('span', { text: name, 'aria-hidden': 'true' }), this.#inputs[k])), el('span', { class: 'sc-quiet', text: 'px of the original' }));
    fill(this.#buttons, this.#actions(keymap));
  }

  #actions(keymap) {
    this.remove = button(['Remove', el('kbd', { text: '⌫' })], () => this.#events.put(null));
    if (this.#mode === 'own') {
      this.confirm = button(['Confirm and show the circle', el('kbd', { text: keymap.label('submit') })], () => this.#events.confirm(), { class: 'is-primary' });
      return [this.confirm, this.remove];
    }
    this.confirm = null;
    return [button(['Done', el('kbd', { text: keyLabel('Escape') })], () => this.#events.done()), this.remove];
  }

  close() {
    this.node.hidden = true;
    this.#mode = '';
  }

  #input(name, most) {
    const put = () => this.#typed();
    return el('input', { type: 'number', class: 'rt-input', 'aria-label': `${SPOKEN[name]}, 0 to ${most} pixels`, min: 0, max: most, step: 'any', inputmode: 'decimal', oninput: put, onchange: () => this.#settle() });
  }

  /** Numbers count once all are there; while they are typed they are not corrected under the fingers. */
  #typed() {
    const numbers = this.#inputs.map((input) => (input.value === '' ? NaN : Number(input.value)));
    const fits = (number, k) => Number.isFinite(number) && number >= 0 && number <= Number(this.#inputs[k].max);
    numbers.forEach((number, k) => this.#inputs[k].setAttribute('aria-invalid', String(!fits(number, k))));
    if (!numbers.every(fits)) return;
    if (this.#mode === 'box' && (numbers[0] >= numbers[2] || numbers[1] >= numbers[3])) return;
    this.#typing = true;
    this.#events.put(Object.fromEntries(this.#names.map((name, k) => [name, numbers[k]])));
    this.#typing = false;
  }

  #typing = false;

  /** What was left out of bounds comes back as it counts. */
  #settle() {
    this.show(this.#value);
  }

  #value = null;

  show(value) {
    this.#value = value;
    this.remove.disabled = !value;
    if (this.confirm) this.confirm.disabled = !value;
    if (this.#typing) return;
    this.#inputs.forEach((input, k) => {
      input.value = value ? px(value[this.#names[k]]) : '';
      input.removeAttribute('aria-invalid');
    });
  }

  #key(event) {
    if (!event.target.matches('input')) return;
    if (event.key === 'Enter' && this.#mode === 'own') this.#events.confirm();
    else if (event.key === 'Enter' || event.key === 'Escape') this.#events.done();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
