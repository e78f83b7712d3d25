/** Hands keys to whatever is on the screen, and lets them rest while somebody types. */
import { keyName } from './keymap.js';

const TYPED = new Set(['text', 'search', 'number', 'email', 'url', 'password', 'tel', '']);

export function types(node) {
  if (!(node instanceof HTMLElement)) return false;
  if (node.isContentEditable || node.matches('textarea, select')) return true;
  return node.matches('input') && TYPED.has(node.getAttribute('type') ?? '');
}

/** Space and Enter belong to a control that was reached by keyboard; a choice that is chosen has no more use for Enter. */
function owns(node, name, clicked) {
  if (!(node instanceof HTMLElement) || (name !== ' ' && name !== 'Enter') || node === clicked) return false;
  // What was in a dialog keeps the focus for a moment after it has closed.
  if (!node.checkVisibility()) return false;
  if (name === 'Enter' && node.getAttribute('aria-checked') === 'true') return false;
  return node.matches('button, a, summary, input');
}

export class Keys {
  #clicked = null;
  #off = new AbortController();

  /** `handle(name)` gives true where the key was of use; `awake()` is false while other things have the keys. */
  constructor(root, handle, awake) {
    const { signal } = this.#off;
    root.addEventListener('pointerdown', (event) => { this.#clicked = event.composedPath()[0]?.closest?.('button, a, summary') ?? null; }, { signal, capture: true });
    document.addEventListener('keydown', (event) => this.#pressed(event, handle, awake), { signal });
  }

  #pressed(event, handle, awake) {
    const [target] = event.composedPath();
    if (event.key === 'Tab') this.#clicked = null;
    if (event.defaultPrevented || event.isComposing || types(target) || !awake()) return;
    const name = keyName(event);
    if (owns(target, name, this.#clicked)) return;
    // A key that is held down repeats only where repeating is meant: arrows and the zoom.
    if (event.repeat && !/Arrow|^[-+=−_]$/.test(name)) return;
    if (handle(name)) event.preventDefault();
  }

  destroy() {
    this.#off.abort();
  }
}
