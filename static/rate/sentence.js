/** A sentence whose coordinate was replaced: the stand-in is a chip in the circle's colour. */
import { el } from '../viewer/dom.js';
import { icon } from './icons.js';
import { bare } from './words.js';

/** Longer sentences are set smaller. */
const LONG = 280;

/** The parts as nodes; all of it is text. */
export function sentenceParts(parts, color) {
  return parts.map(({ text, circle }) => {
    if (!circle) return text;
    // The ring never stands alone at the end of a line.
    const [, first, rest] = /^(\s*\S*)(.*)$/s.exec(bare(text));
    const chip = el('mark', { class: 'rt-chip', dir: 'auto' }, el('span', { class: 'rt-chip-head' }, icon('ring'), first), rest);
    chip.style.setProperty('--rt-circle', color);
    return chip;
  });
}

export function plain(parts) {
  return parts.map(({ text }) => text).join('');
}

export function sentence(parts, color) {
  const long = plain(parts).length > LONG;
  return el('p', { class: `rt-sentence${long ? ' is-long' : ''}`, dir: 'auto' }, ...sentenceParts(parts, color));
}
