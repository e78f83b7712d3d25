/** How answers are drawn and where a conversation ends, folded away: the paper's numbers stand there until somebody changes them. */
import { button, el } from '../viewer/dom.js';
import { field, fold, numberInput, select, showErrors } from '../studies/fields.js';

/** name, label, hint, least, most, step */
const NUMBERS = [
  ['temperature', 'Temperature', '0: always the likeliest', 0, 10, 0.1],
  ['top_p', 'Top-p', '', 0, 1, 0.01],
  ['top_k', 'Top-k', '0: all tokens', 0, 1_000_000, 1],
  ['seed', 'Seed', '', 0, Number.MAX_SAFE_INTEGER, 1],
  ['max_turns', 'Turns', 'at most', 1, 64, 1],
  ['max_pictures', 'Pictures', 'the whole one counted', 1, 64, 1],
  ['max_tokens', 'Tokens', 'in all', 1, 131_072, 1],
  ['max_new_tokens', 'Tokens a turn', 'at most', 1, 32_768, 1],
];

const TURNS = { auto: 'as the domain has it', single: 'one turn, no zoom', multi: 'several turns with zooms' };
const SHORT = { temperature: 'temperature', top_p: 'top-p', top_k: 'top-k', seed: 'seed', max_turns: 'turns', max_pictures: 'pictures', max_tokens: 'tokens', max_new_tokens: 'tokens a turn' };

export class Settings {
  #paper = {};
  #values = {};
  #changed;
  #grid = el('div', { class: 'st-grid is-numbers' });
  #back;

  constructor(changed) {
    this.#changed = changed;
    this.#back = button('Back to the paper’s', () => this.#restore(), { 'data-key': 'paper' });
    this.fold = fold('Settings', '', false, this.#grid, this.#back);
    this.node = this.fold.node;
  }

  get values() {
    return { ...this.#values };
  }

  /** `paper`: what stands there at first; `kept`: what was changed before. */
  show(paper, kept = {}) {
    const names = [...NUMBERS.map(([name]) => name), 'turns'].filter((name) => name in paper);
    this.#paper = Object.fromEntries(names.map((name) => [name, paper[name]]));
    this.#values = { ...this.#paper };
    for (const name of names) if (typeof kept[name] === typeof paper[name]) this.#values[name] = kept[name];
    this.#draw();
  }

  set(name, value) {
    this.#values[name] = value;
    this.#draw();
    this.#changed();
  }

  #restore() {
    this.#values = { ...this.#paper };
    this.#draw();
    this.#changed();
    this.node.querySelector('summary').focus();
  }

  #draw() {
    const known = NUMBERS.filter(([name]) => name in this.#paper);
    const numbers = known.map(([name, label, hint, min, max, step]) => {
      const input = numberInput(this.#values[name], (value) => this.#typed(name, value), { min, max, step, 'data-key': name });
      return field(name, label, input, { hint });
    });
    const turns = 'turns' in this.#paper ? field('turns', 'How it goes', select(this.#values.turns, TURNS, (value) => this.#typed('turns', value)), { wide: true }) : null;
    this.#grid.replaceChildren(...numbers, ...(turns ? [turns] : []));
    this.#tell();
  }

  #typed(name, value) {
    this.#values[name] = value;
    this.#tell();
    this.#changed();
  }

  #tell() {
    const other = Object.keys(this.#paper).filter((name) => this.#values[name] !== this.#paper[name]);
    const words = other.map((name) => (name === 'turns' ? TURNS[this.#values.turns] : `${SHORT[name] ?? name} ${this.#values[name]}`));
    this.fold.say(words.length ? words.join(' · ') : 'as in the paper');
    this.#back.disabled = !other.length;
    showErrors(this.#grid, this.wrong());
  }

  /** What cannot be asked like that: setting to sentence. */
  wrong() {
    const found = new Map();
    for (const [name, label, , min, max, step] of NUMBERS) {
      if (!(name in this.#paper)) continue;
      const value = this.#values[name];
      const whole = step === 1 ? 'a whole number' : 'a number';
      if (!Number.isFinite(value) || value < min || value > max || (step === 1 && !Number.isInteger(value))) found.set(name, `${label}: ${whole} from ${min} ${max >= 1_000_000 ? 'on' : `to ${max}`}.`);
    }
    if (this.#values.top_p === 0) found.set('top_p', 'Top-p: more than 0, and at most 1.');
    return found;
  }

  /** Opens the fold and leads to the first one that is wrong. */
  complain() {
    this.node.open = true;
    this.#grid.querySelector('[aria-invalid="true"]')?.focus();
  }
}
