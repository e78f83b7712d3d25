/** The picture with its marks, in a frame that pans and zooms. */
import { button, el, fill } from './dom.js';
import { ownUrl } from './api.js';
import { Gestures } from './gestures.js';
import { Overlay } from './overlay.js';
import { Viewport } from './viewport.js';

/** From this zoom on single pixels are meant to be seen. */
const SHARP = 3;

/** All that the overlay draws of a trace, to tell whether it has changed. */
function marksOf({ steps, answer, truth }) {
  return JSON.stringify([steps.map(({ point, look }) => [point, look?.window, look?.guessed]), answer.point, truth.point, truth.box]);
}

export class Stage {
  #view = null;
  #overlay = null;
  #events;
  #asked = '';
  #preview = el('img', { class: 'sc-preview', alt: '', draggable: 'false', hidden: true });
  #picture = el('img', { class: 'sc-picture', alt: '', draggable: 'false' });
  #state = el('div', { class: 'sc-stage-state', role: 'status' });
  #readout = el('output', { class: 'sc-readout', 'aria-hidden': 'true' });

  constructor(events) {
    this.#events = events;
    this.node = el(
      'div',
      { class: 'sc-stage', role: 'group', 'aria-label': 'The picture. Plus and minus zoom, 0 fits, Shift with arrows moves.', tabindex: '0' },
      this.#preview, this.#picture, this.#readout, this.#state,
    );
    /** A truth in words stands below the stage: there it covers no mark, however the picture lies. */
    this.truth = el('p', { class: 'sc-truth-text', dir: 'auto' });
    this.viewport = new Viewport(() => this.#place());
    new Gestures(this.node, this.viewport);
    new ResizeObserver(([entry]) => this.#resized(entry.contentRect)).observe(this.node);
    this.#picture.addEventListener('load', () => this.#loaded());
    this.#picture.addEventListener('error', () => this.#failed());
    this.#preview.addEventListener('error', () => { this.#preview.hidden = true; });
    this.node.addEventListener('pointermove', (event) => this.#read(event));
    this.node.addEventListener('pointerleave', () => { this.#readout.textContent = ''; });
  }

  get overlay() {
    return this.#overlay;
  }

  get picture() {
    return this.#picture;
  }

  show(view) {
    this.#draw(view);
    const inWords = view.truth.kind === 'text' || view.truth.kind === 'action';
    this.truth.textContent = inWords ? `Truth: ${view.truth.text}` : '';
    this.truth.title = inWords ? view.truth.text : '';
    this.#picture.alt = view.picture.name ? `The picture ${view.picture.name}` : 'The picture of this trace';
    for (const image of [this.#preview, this.#picture]) {
      image.style.width = `${view.picture.width}px`;
      image.style.height = `${view.picture.height}px`;
    }
    this.#load();
    this.node.style.setProperty('--sc-aspect', String(view.picture.width / view.picture.height));
    this.viewport.setPicture(view.picture);
  }

  /** The same picture with more marks on it: what is in sight stays as it lies. True where the marks are other ones than before. */
  grow(view) {
    const same = marksOf(view) === marksOf(this.#view);
    this.#view = view;
    if (same) return false;
    this.#draw(view);
    this.#overlay.place(this.viewport);
    return true;
  }

  #draw(view) {
    this.#overlay?.node.remove();
    this.#view = view;
    this.#overlay = new Overlay(view, this.#events);
    this.node.insertBefore(this.#overlay.node, this.#readout);
  }

  /** Until the picture is there its thumbnail is shown, stretched to the same place; a picture that is in view already stays. */
  #load() {
    const { url, thumbnail } = this.#view.picture;
    fill(this.#state);
    if (this.#asked === url && this.#picture.complete && this.#picture.naturalWidth > 0) return;
    this.#asked = url;
    this.node.classList.add('is-loading');
    this.#picture.removeAttribute('src');
    this.#preview.removeAttribute('src');
    this.#preview.hidden = !thumbnail;
    if (thumbnail) this.#preview.src = ownUrl(thumbnail);
    this.#picture.src = ownUrl(url);
  }

  #loaded() {
    this.node.classList.remove('is-loading');
    this.#preview.hidden = true;
    fill(this.#state);
  }

  /** The browser does not say why a picture failed, so the server is asked once more. */
  async #failed() {
    this.node.classList.remove('is-loading');
    const { url } = this.#view.picture;
    const status = await fetch(ownUrl(url)).then(({ status: found, body }) => body?.cancel().then(() => found), () => 0);
    if (url !== this.#asked || this.node.classList.contains('is-loading')) return;
    const words = status === 404 ? 'The picture’s file is not in the data folder.' : 'The picture could not be loaded.';
    fill(this.#state, el('p', { text: `${words} The marks stand where they belong.` }), button('Try again', () => this.#load()));
  }

  #resized({ width, height }) {
    if (width > 0 && height > 0) this.viewport.setFrame({ width, height });
  }

  #place() {
    const { scale, x, y, fitted } = this.viewport;
    for (const image of [this.#preview, this.#picture]) image.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
    this.node.classList.toggle('is-sharp', scale * devicePixelRatio >= SHARP);
    this.node.classList.toggle('is-fitted', fitted);
    this.#overlay?.place(this.viewport);
    this.#events.moved(this.viewport);
  }

  /** The picture pixel under the pointer. */
  #read(event) {
    if (!this.#view) return;
    const box = this.node.getBoundingClientRect();
    const { x, y } = this.viewport.toPicture(event.clientX - box.left - this.node.clientLeft, event.clientY - box.top - this.node.clientTop);
    const inside = x >= 0 && y >= 0 && x < this.#view.picture.width && y < this.#view.picture.height;
    this.#readout.textContent = inside ? `${Math.floor(x)}, ${Math.floor(y)}` : '';
  }
}
