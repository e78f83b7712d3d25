/** Wheel, drag and pinch on a frame, by pointer events. */

const DRAG_FROM = 4;

function middleOf(points) {
  const [a, b = a] = points;
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, span: Math.hypot(a.x - b.x, a.y - b.y) };
}

export class Gestures {
  #frame;
  #view;
  #pointers = new Map();
  #from = null;
  #dragged = false;

  constructor(frame, view) {
    this.#frame = frame;
    this.#view = view;
    frame.addEventListener('wheel', (event) => this.#wheel(event), { passive: false });
    frame.addEventListener('pointerdown', (event) => this.#down(event));
    frame.addEventListener('pointermove', (event) => this.#move(event));
    for (const end of ['pointerup', 'pointercancel']) frame.addEventListener(end, (event) => this.#up(event));
    // A finger is at first captured by whatever it touches; only what the frame itself loses is over.
    frame.addEventListener('lostpointercapture', (event) => event.target === frame && this.#up(event));
    frame.addEventListener('click', (event) => this.#click(event), { capture: true });
    frame.addEventListener('dblclick', (event) => this.#twice(event));
  }

  #place(event) {
    const box = this.#frame.getBoundingClientRect();
    return { x: event.clientX - box.left - this.#frame.clientLeft, y: event.clientY - box.top - this.#frame.clientTop };
  }

  #wheel(event) {
    event.preventDefault();
    const { x, y } = this.#place(event);
    const unit = [1, 16, 240][event.deltaMode] ?? 1;
    const sharp = event.ctrlKey ? 0.01 : 0.0016;
    const delta = Math.max(-240, Math.min(240, event.deltaY * unit));
    this.#view.zoomAt(Math.exp(-delta * sharp), x, y);
  }

  #down(event) {
    if (event.button !== 0) return;
    this.#pointers.set(event.pointerId, this.#place(event));
    this.#from = middleOf([...this.#pointers.values()]);
    if (this.#pointers.size === 1) this.#dragged = false;
  }

  #move(event) {
    if (!this.#pointers.has(event.pointerId)) return;
    this.#pointers.set(event.pointerId, this.#place(event));
    const now = middleOf([...this.#pointers.values()]);
    if (!this.#dragged && !this.#begins(now)) return;
    this.#capture(event.pointerId);
    if (now.span > 0 && this.#from.span > 0) this.#view.zoomAt(now.span / this.#from.span, this.#from.x, this.#from.y);
    this.#view.pan(now.x - this.#from.x, now.y - this.#from.y);
    this.#from = now;
  }

  /** A drag begins after a few pixels, so that a click on a mark stays a click. */
  #begins(now) {
    const far = Math.hypot(now.x - this.#from.x, now.y - this.#from.y) + Math.abs(now.span - this.#from.span);
    this.#dragged = far >= DRAG_FROM;
    this.#frame.classList.toggle('is-dragging', this.#dragged);
    return this.#dragged;
  }

  #capture(id) {
    if (!this.#frame.hasPointerCapture(id)) this.#frame.setPointerCapture(id);
  }

  #up(event) {
    if (!this.#pointers.delete(event.pointerId)) return;
    this.#from = this.#pointers.size ? middleOf([...this.#pointers.values()]) : null;
    if (!this.#pointers.size) this.#frame.classList.remove('is-dragging');
  }

  /** The click that ends a drag is not a click on whatever lies under it. */
  #click(event) {
    if (!this.#dragged) return;
    this.#dragged = false;
    event.stopPropagation();
    event.preventDefault();
  }

  #twice(event) {
    const { x, y } = this.#place(event);
    this.#view.zoomAt(event.shiftKey ? 0.5 : 2, x, y);
  }
}
