/** Labelled controls of a dialog. Their looks are studies/form.css's. */
import { el, uid } from './dom.js';

/** A labelled control, with a hint below it. */
export function field(label, control, hint = '') {
  const id = uid('field');
  control.id = id;
  const told = hint ? el('p', { class: 'st-hint', id: `${id}-hint`, text: hint }) : null;
  if (told) control.setAttribute('aria-describedby', told.id);
  return el('div', { class: 'st-field' }, el('label', { class: 'st-label', for: id, text: label }), control, told);
}

/** A line of text. */
export function input(placeholder, options = {}) {
  return el('input', { class: 'st-input', type: 'text', placeholder, autocomplete: 'off', spellcheck: 'false', maxlength: '2000', ...options });
}

/** What stands in a text area, line by line. */
export function lines(area) {
  return area.value.split('\n').map((one) => one.trim()).filter(Boolean);
}
