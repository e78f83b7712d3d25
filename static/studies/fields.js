/** Labelled controls of a form. Each says by `path` which setting it stands for, so that an error finds its place. */
import { el, fill, uid } from '../viewer/dom.js';
import { icon } from '../viewer/icons.js';
import { count } from '../viewer/words.js';

/** A label, a control, a hint, and room for an error sentence; `wide` spans the row. */
export function field(path, label, control, { hint = '', hidden = false, wide = false, after = null } = {}) {
  const id = uid('field');
  control.id = id;
  const note = hint ? el('p', { class: 'st-hint', id: `${id}-hint`, text: hint }) : null;
  const error = el('p', { class: 'st-error', id: `${id}-error`, 'aria-live': 'polite', hidden: true });
  if (note) control.setAttribute('aria-describedby', note.id);
  const name = el('label', { class: hidden ? 'sc-hidden' : 'st-label', for: id, text: label });
  const line = after ? el('div', { class: 'st-line' }, control, after) : control;
  return el('div', { class: `st-field${wide ? ' is-wide' : ''}`, 'data-path': path }, name, line, note, error);
}

/** Room for the error of something that is no single control, such as a list of answers. */
export function errorRoom(path) {
  return el('div', { class: 'st-field is-wide', 'data-path': path }, el('p', { class: 'st-error', role: 'alert', hidden: true }));
}

/** Puts each sentence beside its field, and takes away those that no longer hold. */
export function showErrors(root, found) {
  for (const node of root.querySelectorAll('[data-path]')) {
    const sentence = found.get(node.dataset.path) ?? '';
    const room = node.querySelector(':scope > .st-error');
    const control = node.querySelector('input, textarea, select');
    room.hidden = !sentence;
    if (room.textContent !== sentence) room.textContent = sentence;
    if (!control) continue;
    control.toggleAttribute('aria-invalid', Boolean(sentence));
    if (sentence) control.setAttribute('aria-invalid', 'true');
    if (room.id) control.setAttribute('aria-errormessage', room.id);
  }
}

export function textInput(value, changed, options = {}) {
  const node = el('input', { class: 'st-input', type: 'text', value, dir: 'auto', autocomplete: 'off', spellcheck: 'false', ...options });
  node.addEventListener('input', () => changed(node.value));
  return node;
}

/** Several lines; grows with its text. */
export function textArea(value, changed, options = {}) {
  const node = el('textarea', { class: 'st-input st-area', dir: 'auto', rows: '3', ...options });
  node.value = value;
  node.addEventListener('input', () => changed(node.value));
  return node;
}

/** A number; what is no number is given on as NaN, and an empty field as `empty`. */
export function numberInput(value, changed, { empty = NaN, ...options } = {}) {
  const node = el('input', { class: 'st-input st-number', type: 'number', step: 'any', value: value === null || Number.isNaN(value) ? '' : value, ...options });
  node.addEventListener('input', () => changed(node.value.trim() === '' && !node.validity.badInput ? empty : node.valueAsNumber));
  return node;
}

/** `choices`: value to words. */
export function select(value, choices, changed, options = {}) {
  const node = el('select', { class: 'sc-select st-select', ...options }, ...Object.entries(choices).map(([one, words]) => el('option', { value: one, text: words, selected: one === value })));
  node.addEventListener('change', () => changed(node.value));
  return node;
}

/** A switch with its words beside it. */
export function check(label, value, changed, hint = '') {
  const id = uid('check');
  const node = el('input', { type: 'checkbox', id, checked: value });
  node.addEventListener('change', () => changed(node.checked));
  const note = hint ? el('span', { class: 'st-hint', text: hint }) : null;
  return el('div', { class: 'st-check' }, node, el('label', { for: id }, label, note));
}

/** Chips that can be pressed, several at once; none pressed means all. `options`: [{ value, title, count }]. */
export function chips(label, options, chosen, changed) {
  const titleId = uid('chips');
  const group = el('div', { class: 'sc-chips st-chips', role: 'group', 'aria-labelledby': titleId });
  const gone = chosen.filter((value) => !options.some((option) => option.value === value)).map((value) => ({ value, title: value }));
  const note = el('span', { class: 'st-hint', text: chosen.length ? '' : 'all' });
  const now = new Set(chosen);
  const every = [...options, ...gone];
  const chip = ({ value, title = value, count: number }) => {
    const node = el(
      'button',
      { type: 'button', class: 'sc-chip', 'aria-pressed': String(now.has(value)), title, onclick: () => turn(node, value) },
      el('span', { class: 'sc-chip-title', text: title }),
      number === undefined ? null : el('span', { class: 'sc-chip-count', text: count(number) }),
    );
    return node;
  };
  const turn = (node, value) => {
    if (!now.delete(value)) now.add(value);
    node.setAttribute('aria-pressed', String(now.has(value)));
    note.textContent = now.size ? '' : 'all';
    changed(every.map((option) => option.value).filter((one) => now.has(one)));
  };
  fill(group, every.length ? every.map(chip) : el('span', { class: 'sc-quiet', text: 'None in the store yet.' }));
  return el('div', { class: 'st-filter' }, el('p', { class: 'st-label', id: titleId }, label, ' ', note), group);
}

/** A part of the form that opens; its one-line summary says what it is set to while it is closed. */
export function fold(title, summary, open, ...children) {
  const words = el('span', { class: 'st-summary-words', text: summary });
  const node = el('details', { class: 'st-fold', open }, el('summary', {}, icon('right'), el('span', { class: 'st-fold-title', text: title }), words), el('div', { class: 'st-fold-body' }, ...children));
  return { node, say: (text) => { words.textContent = text; } };
}
