/** Where the picture lies in its frame. A point p of the picture is shown at p * scale + (x, y), in CSS pixels. */

const ROOM = 12;
const LARGEST = 48;

export class Viewport {
  scale = 1;
  x = 0;
  y = 0;
  #picture = { width: 1, height: 1 };
  #frame = { width: 1, height: 1 };
  #fitted = true;
  #changed;

  constructor(changed) {
    this.#changed = changed;
  }

  get fitScale() {
    const { width, height } = this.#frame;
    const scale = Math.min((width - 2 * ROOM) / this.#picture.width, (height - 2 * ROOM) / this.#picture.height);
    return Math.max(0.001, Math.min(scale, 8));
  }

  get fitted() {
    return this.#fitted;
  }

  setPicture(size) {
    this.#picture = size;
    this.fit();
  }

  /** A new frame keeps the fit, or else the middle of what was seen. */
  setFrame(size) {
    const middle = this.toPicture(this.#frame.width / 2, this.#frame.height / 2);
    this.#frame = size;
    if (this.#fitted) this.fit();
    else this.#move(this.scale, middle);
  }

  toScreen(point) {
    return { x: point.x * this.scale + this.x, y: point.y * this.scale + this.y };
  }

  toPicture(x, y) {
    return { x: (x - this.x) / this.scale, y: (y - this.y) / this.scale };
  }

  fit() {
    this.#fitted = true;
    this.scale = this.fitScale;
    this.x = (this.#frame.width - this.#picture.width * this.scale) / 2;
    this.y = (this.#frame.height - this.#picture.height * this.scale) / 2;
    this.#changed();
  }

  /** The scale at which one picture pixel takes one pixel of the screen. */
  get actualScale() {
    return 1 / devicePixelRatio;
  }

  /** How large the picture is on the screen: 1 where its pixels are those of the screen. */
  get zoom() {
    return this.scale / this.actualScale;
  }

  /** One picture pixel on one screen pixel, around the middle of the frame. */
  actual() {
    this.zoomAt(this.actualScale / this.scale);
  }

  /** Zooms so that the picture's point under (cx, cy) of the frame stays under it. */
  zoomAt(factor, cx = this.#frame.width / 2, cy = this.#frame.height / 2) {
    const smallest = Math.min(this.fitScale, this.actualScale);
    const scale = Math.min(LARGEST, Math.max(smallest, this.scale * factor));
    if (scale <= this.fitScale && factor < 1 && this.fitScale <= this.actualScale) return this.fit();
    const ratio = scale / this.scale;
    this.x = cx - (cx - this.x) * ratio;
    this.y = cy - (cy - this.y) * ratio;
    this.scale = scale;
    return this.#settle();
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.#settle();
  }

  /** Brings a point into the middle, but only where it is not well in sight already. */
  reveal(point) {
    if (this.#fitted) return;
    const { x, y } = this.toScreen(point);
    const margin = 36;
    const { width, height } = this.#frame;
    if (x >= margin && y >= margin && x <= width - margin && y <= height - margin) return;
    this.#move(this.scale, point);
  }

  /** What is seen, in terms that suit a frame of another size: zoom over the fit, and the middle in picture pixels. */
  get seen() {
    return { zoom: this.scale / this.fitScale, middle: this.toPicture(this.#frame.width / 2, this.#frame.height / 2), fitted: this.#fitted };
  }

  show({ zoom, middle, fitted }) {
    if (fitted) this.fit();
    else this.#move(zoom * this.fitScale, middle);
  }

  #move(scale, middle) {
    this.scale = scale;
    this.x = this.#frame.width / 2 - middle.x * scale;
    this.y = this.#frame.height / 2 - middle.y * scale;
    this.#settle();
  }

  /** Keeps part of the picture in the middle of the frame, whatever the drag. */
  #settle() {
    this.#fitted = false;
    const { width, height } = this.#frame;
    const right = this.#picture.width * this.scale;
    const bottom = this.#picture.height * this.scale;
    this.x = Math.min(width / 2, Math.max(width / 2 - right, this.x));
    this.y = Math.min(height / 2, Math.max(height / 2 - bottom, this.y));
    this.#changed();
  }
}
