/** The picture with its marks, in a frame that pans and zooms. */
import { button, el, fill } from '../viewer/dom.js';
import { Gestures } from '../viewer/gestures.js';
import { Viewport } from '../viewer/viewport.js';
import { Marks } from './marks.js';

/** Room around a fitted picture, so that a circle at its edge is seen whole enough. */
const ROOM = 8;
const LARGEST_FIT = 8;
const SHARP = 3;
const PAN = 60;
const ROUND = 8;

/** Fits the picture closer than the viewer does: nothing but its marks needs room beside it. */
class Snug extends Viewport {
  #size = { width: 1, height: 1 };
  #room = { width: 1, height: 1 };

  get fitScale() {
    const scale = Math.min((this.#room.width - 2 * ROOM) / this.#size.width, (this.#room.height - 2 * ROOM) / this.#size.height);
    return Math.max(0.001, Math.min(scale, LARGEST_FIT));
  }

  setPicture(size) {
    this.#size = size;
    super.setPicture(size);
  }

  setFrame(size) {
    this.#room = size;
    super.setFrame(size);
  }
}

export class Stage {
  #item = null;
  #asset = null;
  #again;
  #state = el('div', { class: 'rt-stage-state', role: 'status' });
  #readout = el('output', { class: 'rt-readout', 'aria-hidden': 'true' });
  #slow = 0;

  /** `again()` is asked for the picture anew after it failed. */
  constructor(again) {
    this.#again = again;
    this.marks = new Marks();
    this.node = el(
      'div',
      { class: 'rt-stage', role: 'group', 'aria-label': 'The picture. Plus and minus zoom, 0 fits, Shift with arrows moves it.', tabindex: '0' },
      this.marks.node, this.#readout, this.#state,
    );
    this.viewport = new Snug(() => this.#place());
    new Gestures(this.node, this.viewport);
    new ResizeObserver(([{ contentRect: { width, height } }]) => width > 0 && height > 0 && this.viewport.setFrame({ width, height })).observe(this.node);
    this.node.addEventListener('pointermove', (event) => this.#read(event));
    this.node.addEventListener('pointerleave', () => { this.#readout.textContent = ''; });
  }

  get size() {
    return this.#item.picture;
  }

  /** Shows a step's picture; one that is decoded already is there with the next frame. */
  show(item, asset, circle) {
    this.#item = item;
    const { width, height } = item.picture;
    this.marks.setCircle(circle, item.picture);
    this.node.style.setProperty('--rt-aspect', String(width / height));
    this.#picture(asset);
    this.viewport.setPicture({ width, height });
  }

  #picture(asset) {
    const { image } = asset;
    if (this.#asset?.image !== image) {
      this.#asset?.image.remove();
      image.className = 'rt-picture';
      image.alt = 'The picture that the sentence is about';
      this.node.prepend(image);
    }
    image.style.width = `${this.#item.picture.width}px`;
    image.style.height = `${this.#item.picture.height}px`;
    this.#asset = asset;
    this.#await(asset);
  }

  /** A word about a picture that is not there: after a second that it is loading, or that it failed. */
  async #await(asset) {
    fill(this.#state);
    clearTimeout(this.#slow);
    this.node.classList.toggle('is-loading', asset.state === 'loading');
    this.#slow = setTimeout(() => asset === this.#asset && asset.state === 'loading' && fill(this.#state, el('p', { text: 'The picture is loading…' })), 1000);
    const there = await asset.ready;
    if (asset !== this.#asset) return;
    clearTimeout(this.#slow);
    this.node.classList.remove('is-loading');
    fill(this.#state, there ? null : [el('p', { text: 'The picture could not be loaded. Try again, or skip this step.' }), button('Try again', () => this.#again())]);
  }

  /** Draws the marks anew; `state` as in Marks.show. */
  draw(state) {
    this.marks.show(state);
    this.marks.place(this.viewport);
  }

  /** The original pixel under a pointer. */
  toPicture(event) {
    const box = this.node.getBoundingClientRect();
    return this.viewport.toPicture(event.clientX - box.left - this.node.clientLeft, event.clientY - box.top - this.node.clientTop);
  }

  zoom(factor) {
    this.viewport.zoomAt(factor);
  }

  pan(dx, dy) {
    this.viewport.pan(dx * PAN, dy * PAN);
  }

  #place() {
    const { scale, x, y, fitted } = this.viewport;
    if (this.#asset) {
      const { style } = this.#asset.image;
      style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
      style.borderRadius = `${ROUND / scale}px`;
    }
    this.node.classList.toggle('is-sharp', scale * devicePixelRatio >= SHARP);
    this.node.classList.toggle('is-fitted', fitted);
    this.marks.place(this.viewport);
  }

  #read(event) {
    if (!this.#item) return;
    const { x, y } = this.toPicture(event);
    const { width, height } = this.size;
    const inside = x >= 0 && y >= 0 && x < width && y < height;
    this.#readout.textContent = inside && this.node.classList.contains('is-placing') ? `${Math.floor(x)}, ${Math.floor(y)}` : '';
  }
}
