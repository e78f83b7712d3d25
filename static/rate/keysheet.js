/** The sheet of keys: it lists them, and changes them. */
import { button, el, fill } from '../viewer/dom.js';
import { icon } from './icons.js';
import { FIXED, keyLabel, keyName } from './keymap.js';

const GROUPS = ['Step', 'Correct', 'Picture', 'Pages'];
const ALONE = new Set(['Shift', 'Control', 'Alt', 'Meta', 'CapsLock', 'AltGraph', 'Dead']);

export class KeySheet {
  #keymap;
  #preferences;
  #changed;
  #waiting = null;
  #body = el('div', { class: 'rt-sheet-body' });
  #said = el('p', { class: 'rt-sheet-said', role: 'status' });
  #advance = el('input', { type: 'checkbox', onchange: () => this.#setAdvance() });

  /** `changed()` after every change. */
  constructor(keymap, preferences, changed) {
    this.#keymap = keymap;
    this.#preferences = preferences;
    this.#changed = changed;
    const close = button(icon('close'), () => this.node.close(), { class: 'is-bare', 'aria-label': 'Close' });
    const reset = button('All keys as they were', () => this.#reset());
    this.node = el(
      'dialog',
      { class: 'sc-dialog rt-sheet', 'aria-label': 'Keys' },
      el('header', { class: 'sc-dialog-head' }, el('h2', { text: 'Keys' }), close),
      this.#body,
      el('footer', { class: 'rt-sheet-foot' }, this.#said, el('div', { class: 'rt-row' }, el('label', { class: 'rt-check' }, this.#advance, 'The next step opens by itself'), reset)),
    );
    this.node.addEventListener('click', (event) => event.target === this.node && this.node.close());
    this.node.addEventListener('keydown', (event) => this.#pressed(event), { capture: true });
    this.node.addEventListener('cancel', (event) => this.#waiting && event.preventDefault());
    this.node.addEventListener('close', () => this.#wait(null));
  }

  open() {
    this.#advance.checked = this.#preferences.advance;
    this.#draw();
    this.#say('Press a key’s button to change it. Keys rest while you type.');
    this.node.showModal();
  }

  #draw() {
    const answers = this.#keymap.actions.filter(({ group }) => group === 'Answers');
    const questions = [...new Set(answers.map(({ question }) => question))].map((question) => [question, answers.filter((one) => one.question === question)]);
    const groups = questions.map(([question, actions]) => el('section', { class: 'rt-sheet-group' }, el('h3', { dir: 'auto', text: question }), el('div', { class: 'rt-sheet-answers' }, actions.map((action) => this.#answer(action)))));
    fill(this.#body, groups, GROUPS.map((group) => this.#group(group)));
  }

  #answer(action) {
    const same = action.words.toLowerCase() === this.#keymap.keyOf(action.id);
    return el('span', { class: 'rt-sheet-answer' }, this.#change(action), same ? null : el('span', { dir: 'auto', text: action.words }));
  }

  #group(group) {
    const rows = this.#keymap.actions.filter((action) => action.group === group).flatMap((action) => this.#row(action));
    const fixed = FIXED.filter(([name]) => name === group).flatMap(([, keys, words]) => [el('dt', {}, ...keys.map((key) => el('kbd', { text: key }))), el('dd', { text: words })]);
    return el('section', { class: 'rt-sheet-group' }, el('h3', { text: group }), el('dl', {}, ...rows, ...fixed));
  }

  #row(action) {
    // A second key that is only the first one without Shift says nothing new.
    const second = (action.also ?? []).filter((other) => this.#keymap.action(other) === action.id && !/[=_−]/.test(other));
    return [el('dt', {}, this.#change(action), ...second.map((other) => el('kbd', { text: keyLabel(other) }))), el('dd', { text: action.words })];
  }

  #change(action) {
    const label = this.#keymap.label(action.id);
    return button(el('kbd', { text: label }), () => this.#wait(action), { class: 'rt-key', 'aria-label': `${action.words}: ${label}. Change the key`, 'data-key': action.id });
  }

  #button(id) {
    return [...this.#body.querySelectorAll('[data-key]')].find((node) => node.dataset.key === id);
  }

  /** From now on the next key is the new one. */
  #wait(action) {
    if (this.#waiting) this.#button(this.#waiting.id)?.classList.remove('is-waiting');
    this.#waiting = action;
    if (!action) return;
    this.#button(action.id).classList.add('is-waiting');
    this.#say(`Press the new key for “${action.words}”. Esc leaves it as it is.`);
  }

  #pressed(event) {
    if (!this.#waiting || ALONE.has(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    const action = this.#waiting;
    const name = keyName(event);
    if (name === 'Escape') {
      this.#wait(null);
      this.#say('Nothing was changed.');
      return;
    }
    const against = this.#keymap.change(action.id, name);
    if (against) {
      this.#say(against, true);
      return;
    }
    this.#wait(null);
    this.#done(`“${action.words}” is ${keyLabel(name)} now.`, action.id);
  }

  #done(words, id) {
    this.#preferences.save();
    this.#draw();
    this.#say(words);
    if (id) this.#button(id)?.focus();
    this.#changed();
  }

  #reset() {
    this.#wait(null);
    this.#keymap.reset();
    this.#done('All keys are as the study and this page have them.');
  }

  #setAdvance() {
    this.#preferences.advance = this.#advance.checked;
    this.#done(this.#advance.checked ? 'The next step opens by itself.' : `A step waits for ${this.#keymap.label('submit')}.`);
  }

  #say(words, wrong = false) {
    this.#said.textContent = words;
    this.#said.classList.toggle('is-wrong', wrong);
  }
}
