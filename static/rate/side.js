/** The column beside the picture: who rates what, the questions, what else can be done, and whether it is saved. */
import { button, el, fill } from '../viewer/dom.js';
import { Menu } from '../viewer/menu.js';
import { icon } from './icons.js';
import { plural } from './words.js';

const TOOLS = [
  ['point', 'move', 'Move the point'],
  ['box', 'box', 'Box'],
  ['comment', 'comment', 'Comment'],
  ['zoom', 'zoom', 'Zoom'],
  ['skip', 'skip', 'Skip'],
];

export class Side {
  #keymap;
  #tools = new Map();
  #foot = el('p', { class: 'rt-foot-words' });

  /** `run(action)`; `parts`: questions, panels (nodes), status, zoom; `who`: { study, rater }; `menu()` gives its entries. */
  constructor(keymap, run, { questions, panels, status, zoom }, who, menu) {
    this.#keymap = keymap;
    const row = TOOLS.map(([id, sign, words]) => this.#tool(id, sign, words, run));
    this.submit = button(['Submit', el('kbd', {})], () => run('submit'), { class: 'is-primary rt-submit', 'data-action': 'submit' });
    this.hint = el('p', { class: 'rt-hint', role: 'status' });
    this.note = el('div', { class: 'rt-note', hidden: true });
    const opener = new Menu(icon('more'), 'More', menu);
    const head = el(
      'header',
      { class: 'rt-who' },
      el('p', { class: 'rt-who-words' }, el('span', { class: 'rt-study', dir: 'auto', text: who.study, title: `Study: ${who.study}` }), el('span', { class: 'rt-rater', dir: 'auto', text: who.rater, title: `Rater: ${who.rater}` })),
      opener.node,
    );
    const all = button([el('kbd', {}), 'all keys'], () => run('keys'), { class: 'is-bare', 'data-action': 'keys' });
    const tools = el('div', { class: 'rt-tools rt-actions', role: 'group', 'aria-label': 'More about this step' }, row);
    const body = el('div', { class: 'rt-side-body' }, this.note, questions, el('div', { class: 'rt-row rt-submit-row' }, this.submit, this.hint), tools, panels, status, zoom);
    this.node = el('section', { class: 'rt-side', 'aria-label': 'Your rating' }, head, body, el('footer', { class: 'rt-foot' }, this.#foot, all));
    this.body = body;
  }

  #tool(id, sign, words, run) {
    const made = button([icon(sign), words, el('kbd', {})], () => run(id), { 'data-action': id, 'aria-pressed': 'false' });
    this.#tools.set(id, made);
    return made;
  }

  /** { pressed: set of actions, absent: set of actions, disabled: set, submit: bool, advance: bool, questions: number, change: bool } */
  show({ pressed, absent, disabled, submit, advance, questions, change }) {
    for (const [id, node] of this.#tools) {
      node.hidden = absent.has(id);
      node.disabled = disabled.has(id);
      if (id === 'skip') node.removeAttribute('aria-pressed');
      else node.setAttribute('aria-pressed', String(pressed.has(id)));
    }
    this.submit.parentElement.classList.toggle('is-shown', submit);
    this.submit.hidden = !submit;
    this.submit.firstChild.textContent = change ? 'Save the change' : 'Submit';
    for (const cap of this.node.querySelectorAll('[data-action] > kbd')) cap.textContent = this.#keymap.label(cap.parentElement.dataset.action);
    const keys = questions === 1 ? 'One key' : `${['', '', 'Two', 'Three', 'Four'][questions] ?? questions} keys`;
    this.#foot.textContent = advance ? `${keys} a step; the next opens by itself.` : `${keys} a step, then ${this.#keymap.label('submit')}.`;
  }

  /** A sentence with a way out, such as that a former rating is being changed; nothing without words. */
  setNote(words, ...buttons) {
    this.note.hidden = !words;
    fill(this.note, words ? el('p', { text: words }) : null, ...buttons);
  }

  setHint(words) {
    this.hint.textContent = words;
  }
}

/** The entries of the menu. */
export function menuEntries(keymap, run, { rater, guarded, unsent }) {
  const entry = (id, label) => ({ label, note: keymap.label(id), run: () => run(id) });
  const out = { label: guarded ? 'Sign out' : 'Rate under another name', note: rater, run: () => run('out') };
  const kept = unsent ? [{ label: `${plural(unsent, 'rating')} not saved yet` }] : [];
  return [...kept, entry('guide', 'Instructions'), entry('mine', 'Your ratings'), entry('studies', 'Studies'), entry('keys', 'Keys'), out];
}
