/** The worked examples of the instructions: a picture, the place on it, a sentence, the right answer and why. */
import { button, el, fill, keepFocus } from '../viewer/dom.js';
import { icon } from '../viewer/icons.js';
import { errorRoom, field, numberInput, select, textArea, textInput } from './fields.js';
import { CirclePicture, exampleUrl } from './pictures.js';

/** Pictures that every installation has. */
const DEMO = ['astronaut.png', 'coffee.png', 'library_page.png', 'nagasaki_boats.jpg', 'rocket.jpg'];

/** Where the words for the coordinate will stand in an example's sentence. */
export const COORDINATE = '(x, y)';

export class Examples {
  #settings;
  #changed;

  constructor(settings, changed) {
    this.#settings = settings;
    this.#changed = changed;
    this.list = el('div', { class: 'st-stack' });
    const add = button([icon('plus'), 'Add an example'], () => this.#add(), { 'data-key': 'add-example' });
    this.node = el('div', { class: 'st-stack' }, this.list, el('div', {}, add));
    this.draw();
  }

  draw() {
    keepFocus(this.node, () => fill(this.list, this.#settings.examples.map((example, k) => this.#card(example, k))));
  }

  #altered() {
    this.draw();
    this.#changed();
  }

  #add() {
    const [first] = this.#settings.questions;
    this.#settings.examples.push({ picture: DEMO[1], x: 300, y: 200, sentence: `The cup ${COORDINATE} stands on a saucer.`, answer: first?.choices[0]?.value ?? '', why: '' });
    this.#altered();
  }

  #card(example, k) {
    const path = `examples.${k}`;
    const set = (name) => (value) => { example[name] = value; this.#changed(); };
    const picture = new CirclePicture(`The picture of example ${k + 1}, with the circle`, (x, y) => {
      Object.assign(example, { x, y });
      this.#altered();
    });
    const show = () => picture.set({ url: exampleUrl(example.picture), point: { x: example.x, y: example.y } }, this.#settings.circle);
    const place = (name) => (value) => { example[name] = value; show(); this.#changed(); };
    show();
    const words = el(
      'div',
      { class: 'st-grid' },
      field(`${path}.sentence`, 'Sentence', textArea(example.sentence, set('sentence'), { rows: '2', spellcheck: 'true' }), { wide: true, hint: `Write ${COORDINATE} where the words for the coordinate stand.` }),
      this.#answers(example, path),
      field(`${path}.why`, 'Why', textArea(example.why, set('why'), { rows: '2', spellcheck: 'true' }), { wide: true }),
      this.#pictures(example, path, k),
      field(`${path}.x`, 'From the left, px', numberInput(example.x, place('x'))),
      field(`${path}.y`, 'From the top, px', numberInput(example.y, place('y'))),
      errorRoom(`${path}.point`),
    );
    const remove = () => {
      this.#settings.examples.splice(k, 1);
      this.#altered();
      this.node.querySelector('[data-key="add-example"]').focus();
    };
    const head = el('header', { class: 'st-question-head' }, el('h4', { text: `Example ${k + 1}` }), button([icon('close'), 'Remove'], remove, { class: 'is-bare', 'aria-label': `Remove example ${k + 1}` }));
    const shown = el('figure', { class: 'st-example-picture' }, picture.node, el('figcaption', { class: 'st-hint', text: 'Click the picture to set the point.' }));
    return el('section', { class: 'st-question st-example', 'aria-label': `Example ${k + 1}` }, head, el('div', { class: 'st-example-body' }, shown, words));
  }

  #answers(example, path) {
    const [first] = this.#settings.questions;
    const names = Object.fromEntries((first?.choices ?? []).map((choice) => [choice.value, choice.label]));
    if (!(example.answer in names)) names[example.answer] = example.answer || 'none';
    return field(`${path}.answer`, 'Right answer', select(example.answer, names, (value) => { example.answer = value; this.#changed(); }));
  }

  #pictures(example, path, k) {
    const pick = (value) => { example.picture = value.trim(); this.#changed(); };
    const node = textInput(example.picture, pick, { list: `st-pictures-${k}` });
    node.addEventListener('change', () => this.#altered());
    const names = el('datalist', { id: `st-pictures-${k}` }, ...DEMO.map((name) => el('option', { value: name })));
    return field(`${path}.picture`, 'Picture', node, { wide: true, after: names, hint: 'A picture of the demo, or the content hash of a picture in the store.' });
  }
}
