/** The keys: what they do, when they are off, and the sheet that lists them. */
import { button, el } from './dom.js';
import { icon } from './icons.js';

const SHEET = [
  [['←', '→'], 'previous and next step'],
  [['Home', 'End'], 'first and last step'],
  [['Space'], 'play the path, pause'],
  [['[', ']'], 'previous and next trace of the list'],
  [['+', '−'], 'zoom in and out'],
  [['0'], 'fit the picture'],
  [['1'], 'one picture pixel on one screen pixel'],
  [['Shift', '← ↑ → ↓'], 'move the picture'],
  [['O'], 'open the look of this step larger'],
  [['X'], 'the other trace, while comparing'],
  [['/'], 'search the traces'],
  [['↑', '↓'], 'in the list: go up and down, Enter opens'],
  [['Esc'], 'leave: playing, the step, the comparison'],
  [['?'], 'this sheet'],
];

const FOOT = [
  [['←', '→'], 'step'], [['Space'], 'play'], [['+', '−', '0'], 'zoom'], [['[', ']'], 'trace'], [['Esc'], 'leave'],
];

function caps(keys) {
  return keys.map((key) => el('kbd', { text: key }));
}

/** The row at the foot, always in sight. `keys`: [[keys, words]] */
export function foot(openSheet, keys = FOOT) {
  const all = button([el('kbd', { text: '?' }), 'all keys'], openSheet, { class: 'is-bare sc-all-keys' });
  const other = el('span', { class: 'sc-key is-pair' }, ...caps(['X']), 'other trace');
  return el('footer', { class: 'sc-foot' }, ...keys.map(([own, words]) => el('span', { class: 'sc-key' }, ...caps(own), words)), other, all);
}

/** All keys in a dialog. */
export function sheet(all = SHEET) {
  const rows = all.flatMap(([keys, words]) => [el('dt', {}, ...caps(keys)), el('dd', { text: words })]);
  const node = el('dialog', { class: 'sc-dialog sc-keys', 'aria-label': 'Keys' });
  const close = button(icon('close'), () => node.close(), { class: 'is-bare', 'aria-label': 'Close' });
  node.append(el('header', { class: 'sc-dialog-head' }, el('h3', { text: 'Keys' }), close), el('dl', {}, ...rows), el('p', { class: 'sc-quiet', text: 'Keys rest while you type.' }));
  node.addEventListener('click', (event) => event.target === node && node.close());
  return node;
}

const TYPED = new Set(['text', 'search', 'number', 'email', 'url', 'password', 'tel', '']);

function types(node) {
  if (!(node instanceof HTMLElement)) return false;
  if (node.isContentEditable || node.matches('textarea, select')) return true;
  return node.matches('input') && TYPED.has(node.getAttribute('type') ?? '');
}

/** Space belongs to a control that was reached by keyboard; after a click with the mouse it plays. */
function ownsSpace(node, clicked) {
  return node instanceof HTMLElement && node.matches('button, a, summary, input') && node !== clicked;
}

export class Keys {
  #bindings;
  #clicked = null;
  #awake;
  #off = new AbortController();

  /** `bindings`: key name -> action; `awake()` is false while the viewer is not on screen. */
  constructor(root, bindings, awake) {
    this.#bindings = bindings;
    this.#awake = awake;
    const { signal } = this.#off;
    root.addEventListener('pointerdown', (event) => { this.#clicked = event.composedPath()[0]?.closest?.('button, a, summary') ?? null; }, { signal, capture: true });
    document.addEventListener('keydown', (event) => this.#pressed(event), { signal });
  }

  destroy() {
    this.#off.abort();
  }

  #pressed(event) {
    const [target] = event.composedPath();
    if (event.key === 'Tab') this.#clicked = null;
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || types(target) || !this.#awake()) return;
    const name = event.shiftKey && event.key.startsWith('Arrow') ? `Shift+${event.key}` : event.key;
    if (name === ' ' && ownsSpace(target, this.#clicked)) return;
    const action = this.#bindings[name] ?? this.#bindings[name.toLowerCase()];
    if (!action || action() === false) return;
    event.preventDefault();
  }
}
