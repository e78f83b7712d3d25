/** The line above the picture: which step this is, how far one is, how long it will take, by which guideline. */
import { button, el } from '../viewer/dom.js';
import { count, placeWords, plural, timeLeft } from './words.js';

export class ProgressLine {
  #place = el('h2', { class: 'rt-place', tabindex: '-1' });
  #fill = el('div', { class: 'rt-bar-fill' });
  #bar = el('div', { class: 'rt-bar', role: 'progressbar', 'aria-label': 'Steps rated', 'aria-valuemin': 0 }, this.#fill);
  #left = el('span', { class: 'rt-left' });
  #guide;
  #keymap;

  constructor(keymap, openGuide) {
    this.#keymap = keymap;
    this.#guide = button('', openGuide, { class: 'is-bare rt-guide-button' });
    this.node = el('header', { class: 'rt-progress' }, this.#place, this.#bar, this.#left, this.#guide);
  }

  focus() {
    this.#place.focus({ preventScroll: true });
  }

  /** `unsent`: ratings given that the server does not count yet. */
  show(item, progress, unsent, version) {
    this.#place.textContent = placeWords(item);
    const all = Math.max(1, progress.done + progress.open);
    const done = Math.min(all, progress.done + unsent);
    this.#fill.style.width = `${(100 * done) / all}%`;
    this.#bar.setAttribute('aria-valuemax', String(all));
    this.#bar.setAttribute('aria-valuenow', String(done));
    this.#bar.setAttribute('aria-valuetext', `${count(done)} of ${plural(all, 'step')} rated`);
    this.#bar.title = `${count(done)} of ${plural(all, 'step')} rated`;
    this.#left.textContent = timeLeft({ ...progress, done, open: all - done, seconds_left: left(progress, all - done) });
    this.#guide.replaceChildren(`Guideline v${version}`, el('kbd', { text: this.#keymap.label('guide') }));
  }
}

/** What the server reckons for its open steps, for those that are open here. */
function left({ open, seconds_left: seconds }, remaining) {
  return seconds === null || seconds === undefined || !open ? null : (seconds / open) * remaining;
}
