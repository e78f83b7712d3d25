/**
 * Putting a point or a box onto the picture: by pointer, by keys, by numbers. Coordinates are original pixels of the upright
 * picture and never leave it: 0 to its width, 0 to its height.
 */

const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** How near to a corner of a box, in CSS pixels, it is taken by it. */
const NEAR = 12;

/** A pointer that moves less than this, in CSS pixels, clicks and does not drag. */
const DRAG_FROM = 4;

function within(value, most) {
  return Math.min(most, Math.max(0, value));
}

function tenth(value) {
  return Math.round(value * 10) / 10;
}

export function pointWithin({ x, y }, { width, height }) {
  return { x: within(tenth(x), width), y: within(tenth(y), height) };
}

/** The corners in order, inside the picture, at least one pixel apart. */
export function boxWithin({ x1, y1, x2, y2 }, { width, height }) {
  const side = (a, b, most) => {
    const low = within(tenth(Math.min(a, b)), Math.max(0, most - 1));
    return [low, Math.min(most, Math.max(low + 1, tenth(Math.max(a, b))))];
  };
  const [left, right] = side(x1, x2, width);
  const [top, bottom] = side(y1, y2, height);
  return { x1: left, y1: top, x2: right, y2: bottom };
}

/** The whole box moved, stopping at the edges without changing its size. */
function shifted({ x1, y1, x2, y2 }, dx, dy, { width, height }) {
  const right = Math.min(Math.max(dx, -x1), width - x2);
  const down = Math.min(Math.max(dy, -y1), height - y2);
  return { x1: tenth(x1 + right), y1: tenth(y1 + down), x2: tenth(x2 + right), y2: tenth(y2 + down) };
}

/** Splits a key's name into its way and stride: null for other keys. */
function arrow(name) {
  const parts = name.split('+');
  const way = WAYS[parts.at(-1)];
  return way ? { way, stride: parts.includes('Shift') ? 10 : 1, sizes: parts.includes('Alt') || parts.includes('Ctrl') } : null;
}

export class Placing {
  #stage;
  #events;
  #drag = null;
  #dragged = false;

  /** 'own', 'point', 'box', or '' while nothing is placed. */
  mode = '';
  value = null;

  /** `events`: changed(value) */
  constructor(stage, events) {
    this.#stage = stage;
    this.#events = events;
    const { node } = stage;
    node.addEventListener('pointerdown', (event) => this.#down(event), { capture: true });
    node.addEventListener('pointermove', (event) => this.#move(event), { capture: true });
    for (const end of ['pointerup', 'pointercancel']) node.addEventListener(end, (event) => this.#up(event), { capture: true });
    node.addEventListener('click', (event) => this.#click(event));
    node.addEventListener('dblclick', (event) => this.mode && event.stopImmediatePropagation(), { capture: true });
  }

  /** Begins; `value` is what is there already, `start` the point that keys begin from. */
  enter(mode, value, start) {
    this.mode = mode;
    this.value = value;
    this.start = start;
    this.#stage.node.classList.add('is-placing');
    this.#stage.node.dataset.mode = mode;
  }

  leave() {
    this.mode = '';
    this.#drag = null;
    this.#stage.node.classList.remove('is-placing');
    delete this.#stage.node.dataset.mode;
  }

  /** Takes a value from elsewhere, such as number fields; it is brought inside the picture. */
  put(value) {
    const { size } = this.#stage;
    this.value = value && (this.mode === 'box' ? boxWithin(value, size) : pointWithin(value, size));
    this.#events.changed(this.value);
  }

  /** Whether the key was an arrow, or took the value away. */
  key(name) {
    if (!this.mode) return false;
    if (name === 'Backspace') {
      this.put(null);
      return true;
    }
    const found = arrow(name);
    if (!found) return false;
    const [dx, dy] = found.way.map((by) => by * found.stride);
    this.put(this.mode === 'box' ? this.#keyedBox(dx, dy, found.sizes) : this.#keyedPoint(dx, dy));
    this.#stage.viewport.reveal(this.mode === 'box' ? { x: this.value.x2, y: this.value.y2 } : this.value);
    return true;
  }

  #keyedPoint(dx, dy) {
    const { x, y } = this.value ?? this.start;
    return { x: x + dx, y: y + dy };
  }

  /** The first key puts a box as large as the circle around the start. */
  #keyedBox(dx, dy, sizes) {
    const { size, marks: { radius } } = this.#stage;
    const { x, y } = this.start;
    const box = this.value ?? boxWithin({ x1: x - radius, y1: y - radius, x2: x + radius, y2: y + radius }, size);
    if (!sizes) return shifted(box, dx, dy, size);
    return { ...box, x2: Math.max(box.x1 + 1, box.x2 + dx), y2: Math.max(box.y1 + 1, box.y2 + dy) };
  }

  // The pointer. What is taken here never reaches the gestures that move the picture.

  #down(event) {
    if (!this.mode || event.button !== 0 || !event.isPrimary || event.target.closest('button')) return;
    const at = this.#stage.toPicture(event);
    this.#dragged = false;
    this.#drag = this.mode === 'box' ? this.#grabBox(at) : this.#grabPoint(at);
    if (!this.#drag) return;
    this.#stage.node.setPointerCapture(event.pointerId);
    event.stopImmediatePropagation();
    event.preventDefault();
    this.#stage.node.focus({ preventScroll: true });
  }

  /** The point is taken anywhere in its circle, and keeps its distance to the pointer. */
  #grabPoint(at) {
    const held = this.value ?? (this.mode === 'point' ? this.start : null);
    const reach = Math.max(this.#stage.marks.radius, 16 / this.#stage.viewport.scale);
    if (!held || Math.hypot(at.x - held.x, at.y - held.y) > reach) return null;
    const [dx, dy] = [held.x - at.x, held.y - at.y];
    return { from: at, move: (to) => ({ x: to.x + dx, y: to.y + dy }) };
  }

  #grabBox(at) {
    const { size, viewport } = this.#stage;
    const box = this.value;
    const near = NEAR / viewport.scale;
    if (box) {
      const x = ['x1', 'x2'].find((side) => Math.abs(box[side] - at.x) <= near);
      const y = ['y1', 'y2'].find((side) => Math.abs(box[side] - at.y) <= near);
      if (x && y) return { from: at, move: (to) => this.#corner(box, x, y, to) };
      const inside = at.x > box.x1 && at.x < box.x2 && at.y > box.y1 && at.y < box.y2;
      if (inside) return { from: at, move: (to) => shifted(box, Math.round(to.x - at.x), Math.round(to.y - at.y), size) };
    }
    const from = pointWithin({ x: Math.round(at.x), y: Math.round(at.y) }, size);
    return { from: at, move: (to) => ({ x1: from.x, y1: from.y, x2: Math.round(to.x), y2: Math.round(to.y) }) };
  }

  #corner(box, x, y, to) {
    const fixed = { x: x === 'x1' ? box.x2 : box.x1, y: y === 'y1' ? box.y2 : box.y1 };
    return { x1: fixed.x, y1: fixed.y, x2: Math.round(to.x), y2: Math.round(to.y) };
  }

  #move(event) {
    if (!this.#drag || !event.isPrimary) return;
    event.stopImmediatePropagation();
    const to = this.#stage.toPicture(event);
    const far = Math.hypot(to.x - this.#drag.from.x, to.y - this.#drag.from.y) * this.#stage.viewport.scale;
    if (!this.#drag.moved && far < DRAG_FROM) return;
    this.#drag.moved = true;
    this.#dragged = true;
    const value = this.#drag.move(to);
    this.put(this.mode === 'box' ? value : { x: Math.round(value.x), y: Math.round(value.y) });
  }

  #up(event) {
    if (!this.#drag || !event.isPrimary) return;
    event.stopImmediatePropagation();
    this.#drag = null;
  }

  /** A click puts the point there. */
  #click(event) {
    if (!this.mode || this.mode === 'box' || this.#dragged || event.target.closest('button')) return;
    const at = this.#stage.toPicture(event);
    this.put({ x: Math.round(at.x), y: Math.round(at.y) });
  }
}
