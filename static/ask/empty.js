/** What stands in the middle before there is a picture. */
import { button, el } from '../viewer/dom.js';
import { icon } from '../viewer/icons.js';

/** `draw`: draws a scene; null where none can be drawn. */
export function emptyBoard(browse, fromStore, draw) {
  return el(
    'section',
    { class: 'ak-nothing', 'aria-label': 'No picture yet' },
    el('h2', { text: 'Ask a model, and watch where it looks' }),
    el('p', { class: 'sc-quiet', text: 'Drop a picture here, paste it with Ctrl V, or choose one. Then type a question and press Ask.' }),
    el('div', { class: 'sc-group' }, button([icon('upload'), 'Choose a file'], browse), button([icon('picture'), 'From the store'], fromStore), draw ? button([icon('grid'), 'Draw a scene'], draw) : null),
  );
}
