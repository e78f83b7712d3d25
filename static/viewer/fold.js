/** Long texts are folded to a few lines, with a button that shows all of them. */
import { el } from './dom.js';

/** A button that opens and closes `text`, and says so to a screen reader. `folded` is the class that text has while it is closed. */
function opener(text, folded) {
  const more = el('button', { type: 'button', class: 'sc-more', 'aria-expanded': 'false', text: 'Show all' });
  more.addEventListener('click', () => {
    const closed = text.classList.toggle(folded);
    more.textContent = closed ? 'Show all' : 'Show less';
    more.setAttribute('aria-expanded', String(!closed));
  });
  return more;
}

/** The text as it is where it has at most `limit` characters; else folded, with its button below it. */
export function foldLong(text, limit) {
  if (text.textContent.length <= limit) return text;
  text.classList.add('is-folded');
  return el('div', { class: 'sc-fold' }, text, opener(text, 'is-folded'));
}

/** The button of a text that is cut to some lines by its style; it is in sight only where something is hidden, whatever the width. */
export function foldCut(text) {
  text.classList.add('is-cut');
  const more = opener(text, 'is-cut');
  more.hidden = true;
  const see = () => {
    if (text.classList.contains('is-cut')) more.hidden = text.scrollHeight <= text.clientHeight + 2;
  };
  new ResizeObserver(see).observe(text);
  return more;
}
