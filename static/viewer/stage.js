/** The picture with its marks, in a frame that pans and zooms. */
import { button, el, fill } from './dom.js';
import { ownUrl } from './api.js';
import { Gestures } from './gestures.js';
import { Overlay } from './overlay.js';
import { Viewport } from './viewport.js';

/** From this zoom on single pixels are meant to be seen. */
const SHARP = 3;

export class Stage {
  #view = null;
  #overlay = null;
  #events;
  #picture = el('img', { class: 'sc-picture', alt: '', draggable: 'false' });
  #truth = el('p', { class: 'sc-truth-text' });
  #state = el('div', { class: 'sc-stage-state', role: 'status' });
  #readout = el('output', { class: 'sc-readout', 'aria-hidden': 'true' });

  constructor(events) {
    this.#events = events;
    this.node = el(
      'div',
      { class: 'sc-stage', role: 'group', 'aria-label': 'The picture. Plus and minus zoom, 0 fits, Shift with arrows moves.', tabindex: '0' },
      this.#picture, this.#truth, this.#readout, this.#state,
    );
    this.viewport = new Viewport(() => this.#place());
    new Gestures(this.node, this.viewport);
    new ResizeObserver(([entry]) => this.#resized(entry.contentRect)).observe(this.node);
    this.#picture.addEventListener('load', () => this.#loaded());
    this.#picture.addEventListener('error', () => this.#failed());
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
    this.#overlay?.node.remove();
    this.#view = view;
    this.#overlay = new Overlay(view, this.#events);
    this.node.insertBefore(this.#overlay.node, this.#readout);
    this.#truth.textContent = view.truth.kind === 'text' || view.truth.kind === 'action' ? `Truth: ${view.truth.text}` : '';
    this.#picture.alt = view.picture.name ? `The picture ${view.picture.name}` : 'The picture of this trace';
    this.#picture.style.width = `${view.picture.width}px`;
    this.#picture.style.height = `${view.picture.height}px`;
    this.#load();
    this.node.style.setProperty('--sc-aspect', String(view.picture.width / view.picture.height));
    this.viewport.setPicture(view.picture);
  }

  #load() {
    this.node.classList.add('is-loading');
    fill(this.#state);
    this.#picture.src = ownUrl(this.#view.picture.url);
  }

  #loaded() {
    this.node.classList.remove('is-loading');
    fill(this.#state);
  }

  #failed() {
    this.node.classList.remove('is-loading');
    const again = () => {
      this.#picture.removeAttribute('src');
      this.#load();
    };
    fill(this.#state, el('p', { text: 'The picture could not be loaded. The marks stand where they belong.' }), button('Try again', again));
  }

  #resized({ width, height }) {
    if (width > 0 && height > 0) this.viewport.setFrame({ width, height });
  }

  #place() {
    const { scale, x, y, fitted } = this.viewport;
    this.#picture.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
    this.node.classList.toggle('is-sharp', scale * devicePixelRatio >= SHARP);
    this.node.classList.toggle('is-fitted', fitted);
    this.#overlay?.place(this.viewport);
    this.#placeTruth();
    this.#events.moved(this.viewport);
  }

  /** The truth in words keeps to the lower left corner of the picture, or of the frame where that is out of sight. */
  #placeTruth() {
    if (!this.#truth.textContent) return;
    const { clientWidth, clientHeight } = this.node;
    const corner = this.viewport.toScreen({ x: 0, y: this.#view.picture.height });
    const left = Math.min(Math.max(corner.x, 0) + 8, clientWidth - 80);
    const bottom = Math.max(Math.min(corner.y, clientHeight) - 8, 40);
    this.#truth.style.transform = `translate(${left}px, ${bottom}px) translateY(-100%)`;
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
