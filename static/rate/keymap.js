/**
 * Which key does what. An answer's own key comes from the study; every key can be changed, and what a person changed is kept
 * here and on the server. A key is named as `keyName` names it: 'y', '?', 'Enter', 'Shift+m', 'Ctrl+z'.
 */

/** `also` are second keys that stay whatever is changed, as long as nothing else has them. `group` is the heading in the sheet. */
export const ACTIONS = [
  { id: 'submit', group: 'Step', words: 'submit, or confirm', key: 'Enter' },
  { id: 'undo', group: 'Step', words: 'take back the last rating', key: 'z', also: ['Ctrl+z'] },
  { id: 'skip', group: 'Step', words: 'skip this step, with a reason', key: 's' },
  { id: 'comment', group: 'Step', words: 'write a comment', key: 'c' },
  { id: 'point', group: 'Correct', words: 'move the point to where it should be', key: 'm' },
  { id: 'box', group: 'Correct', words: 'draw the box it should have hit', key: 'b' },
  { id: 'zoom', group: 'Picture', words: 'show or hide what the model zoomed in on', key: 'x' },
  { id: 'larger', group: 'Picture', words: 'zoom in', key: '+', also: ['='] },
  { id: 'smaller', group: 'Picture', words: 'zoom out', key: '-', also: ['−', '_'] },
  { id: 'fit', group: 'Picture', words: 'fit the picture', key: '0', also: ['f'] },
  { id: 'guide', group: 'Pages', words: 'the instructions', key: 'i' },
  { id: 'mine', group: 'Pages', words: 'your ratings', key: 'l' },
  { id: 'studies', group: 'Pages', words: 'the studies', key: 'g' },
  { id: 'retry', group: 'Pages', words: 'try to save now', key: 't' },
  { id: 'keys', group: 'Pages', words: 'the keys', key: '?' },
];

/** Keys whose meaning is fixed, for the sheet. */
export const FIXED = [
  ['Correct', ['← ↑ → ↓'], 'while correcting: move by 1 px, with Shift by 10'],
  ['Correct', ['Alt', '← ↑ → ↓'], 'while correcting a box: its size, with Shift by 10 (Ctrl does the same)'],
  ['Correct', ['⌫'], 'while correcting: take the correction away'],
  ['Correct', ['Esc'], 'leave correcting, the comment or the skip; what is there stays'],
  ['Picture', ['Shift', '← ↑ → ↓'], 'move the picture, when not correcting'],
];

const LABELS = {
  Enter: '⏎', Escape: 'Esc', ArrowLeft: '←', ArrowRight: '→', ArrowUp: '↑', ArrowDown: '↓', Backspace: '⌫', '-': '−',
};

/** These keep their meaning everywhere, so that no one loses the way. */
const RESERVED = new Set(['Tab', 'Escape', ' ', 'Backspace', 'Delete', 'ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'Home', 'End', 'PageUp', 'PageDown']);

/** A key event's name. Letters count in either case; a letter of another alphabet counts as the Latin one on its key. */
export function keyName(event) {
  let { key } = event;
  const modified = (event.ctrlKey || event.metaKey ? 'Ctrl+' : '') + (event.altKey ? 'Alt+' : '');
  const letter = /^Key([A-Z])$/.exec(event.code ?? '')?.[1].toLowerCase();
  if (letter && /^\P{ASCII}$/u.test(key) && /\p{L}/u.test(key)) key = letter;
  if (key.length > 1) return `${modified}${event.shiftKey ? 'Shift+' : ''}${key}`;
  const upper = event.shiftKey && /\p{L}/u.test(key);
  return `${modified}${upper ? 'Shift+' : ''}${key.toLowerCase()}`;
}

/** A key for reading: 'Y', '⏎', 'Ctrl Z'. */
export function keyLabel(name) {
  if (!name) return '–';
  const parts = name.length > 1 ? name.split('+') : [name];
  const shown = parts.map((part) => LABELS[part] ?? (part.length === 1 ? part.toUpperCase() : part));
  return (name.endsWith('++') ? [...shown.slice(0, -2), '+'] : shown).join(' ');
}

export function answerAction(question, value) {
  return `answer:${question}:${value}`;
}

/** What stands against a key, in words; '' where nothing does. */
function unfit(name) {
  const plain = name.replace(/^Shift\+/, '');
  if (/^(Ctrl|Alt)\+./.test(name) && name.length > 2) return 'Keys together with Ctrl or Alt belong to the browser. Choose one alone, or with Shift.';
  if (RESERVED.has(plain)) return `${keyLabel(plain === ' ' ? 'Space' : plain)} keeps its meaning everywhere. Choose another key.`;
  if (plain.length > 1 && plain !== 'Enter') return `${plain} belongs to the browser. Choose another key.`;
  return '';
}

export class Keymap {
  #actions = [];
  #changed;
  #taken = new Map();

  /** `changed`: action -> key, as the person chose them. */
  constructor(changed = {}) {
    this.#changed = { ...changed };
    this.forStudy([]);
  }

  get changed() {
    return { ...this.#changed };
  }

  set changed(keys) {
    this.#changed = Object.fromEntries(Object.entries(keys ?? {}).filter(([, key]) => typeof key === 'string'));
    this.#resolve();
  }

  /** The questions of the study come into the map, with the keys that the study gave their answers. */
  forStudy(questions) {
    const answers = questions.flatMap(({ id, text, choices }) => choices.map(({ value, label, key }) => ({ id: answerAction(id, value), group: 'Answers', words: label, question: text, key: key.toLowerCase() })));
    this.#actions = [...answers, ...ACTIONS];
    this.#resolve();
  }

  /** What was chosen comes first, then the answers' own keys; an action whose key is taken is reached with Shift. */
  #resolve() {
    this.#taken = new Map();
    const keys = new Map();
    const take = (action, name) => {
      if (!name || this.#taken.has(name)) return false;
      this.#taken.set(name, action.id);
      keys.set(action.id, name);
      return true;
    };
    for (const action of this.#actions) take(action, this.#changed[action.id]);
    for (const action of this.#actions) {
      if (!keys.has(action.id) && !take(action, action.key)) take(action, `Shift+${action.key}`);
    }
    for (const { id, also = [] } of this.#actions) for (const name of also) if (!this.#taken.has(name)) this.#taken.set(name, id);
    this.keys = keys;
  }

  get actions() {
    return this.#actions;
  }

  /** The action of a key; undefined where it has none. */
  action(name) {
    return this.#taken.get(name);
  }

  keyOf(id) {
    return this.keys.get(id) ?? '';
  }

  label(id) {
    return keyLabel(this.keyOf(id));
  }

  /** Gives an action a key. A sentence where that cannot be, and then nothing changes; '' where it is done. */
  change(id, name) {
    const against = unfit(name);
    if (against) return against;
    const holder = this.#actions.find((action) => action.id !== id && this.keyOf(action.id) === name);
    if (holder) return `${keyLabel(name)} is taken: “${holder.words}”. Choose another key, or change that one first.`;
    this.#changed[id] = name;
    this.#resolve();
    return '';
  }

  reset() {
    this.changed = {};
  }
}
