/** Pictures to show what raters will see: a step of the store, or a picture of the examples. */
import { getJson, ownUrl } from '../viewer/api.js';
import { el, svg } from '../viewer/dom.js';

/** Of the demo; they are there in every installation. */
const DEMO = '/ui/demo/pictures/';

/** Where a picture of an example is found: by its content hash in the store, else by its file's name among the demo's. */
export function exampleUrl(picture) {
  if (/^[0-9a-f]{64}$/.test(picture)) return `/pictures/${picture}/upright`;
  return picture ? `${DEMO}${encodeURIComponent(picture)}` : '';
}

/** The sentence of a step with its written coordinate replaced, in parts of `{ text, circle }`. */
export function replaced(parts, replacement) {
  return parts.map((part) => (part.point ? { text: replacement, circle: true } : { text: part.text, circle: false }));
}

function asked(view, words) {
  return view.steps.find((step) => step.point?.inside && step.parts.map((part) => part.text).join('').trim().split(/\s+/u).length >= words);
}

/** A step that a selection would ask, with its picture; null where there is none among the first traces. */
export async function someStep(selection, signal) {
  const pairs = [['page_size', '6'], ...['dataset', 'domain', 'policy'].flatMap((name) => selection[{ dataset: 'datasets', domain: 'domains', policy: 'policies' }[name]].map((value) => [name, value]))];
  if (selection.steps === 'looked') pairs.push(['min_looks', '1']);
  const { items } = await getJson('api/traces', pairs, signal);
  for (const { id, dataset } of items) {
    const view = await getJson(`api/traces/${encodeURIComponent(id)}`, [['dataset', dataset]], signal);
    const step = asked(view, selection.min_words);
    if (step && view.picture?.sha256) return { url: `/pictures/${view.picture.sha256}/upright`, width: view.picture.width, height: view.picture.height, point: step.point, parts: step.parts };
  }
  return null;
}

/** Diameter in pixels of a picture of this width. */
export function diameterOn({ diameter, unit }, width) {
  return unit === 'pixels' ? diameter : (diameter / 100) * width;
}

/** A picture with the circle over it; `set(source, circle)` redraws. With `pick(x, y)` a click on it says where. */
export class CirclePicture {
  #natural = null;
  #source = null;
  #circle = null;

  constructor(label, pick = null) {
    this.image = el('img', { class: 'st-picture-image', alt: label, draggable: 'false' });
    this.over = svg('svg', { class: 'st-picture-over', 'aria-hidden': 'true', preserveAspectRatio: 'none' });
    this.node = el('div', { class: `st-picture${pick ? ' is-picked' : ''}` }, this.image, this.over);
    this.image.addEventListener('load', () => this.#loaded());
    this.image.addEventListener('error', () => this.node.classList.add('is-missing'));
    if (pick) this.node.addEventListener('click', (event) => this.#picked(event, pick));
  }

  /** `source`: { url, width, height, point }; width and height may be unknown until the picture is there. */
  set(source, circle) {
    this.#source = source;
    this.#circle = circle;
    this.node.hidden = !source?.url;
    if (!source?.url) return;
    const url = ownUrl(source.url);
    if (this.image.src !== url) {
      this.#natural = null;
      this.node.classList.remove('is-missing');
      this.image.src = url;
    }
    this.#draw();
  }

  #loaded() {
    this.#natural = { width: this.image.naturalWidth, height: this.image.naturalHeight };
    this.#draw();
  }

  get size() {
    const { width, height } = this.#source ?? {};
    return width && height ? { width, height } : this.#natural;
  }

  #picked(event, pick) {
    const box = this.image.getBoundingClientRect();
    if (!this.size || !box.width) return;
    const x = ((event.clientX - box.left) / box.width) * this.size.width;
    const y = ((event.clientY - box.top) / box.height) * this.size.height;
    pick(Math.round(x), Math.round(y));
  }

  #draw() {
    if (!this.size || !this.#source.point) return this.over.replaceChildren();
    const { width, height } = this.size;
    const { x, y } = this.#source.point;
    const { color } = this.#circle;
    const r = diameterOn(this.#circle, width) / 2;
    this.over.setAttribute('viewBox', `0 0 ${width} ${height}`);
    if (!(Number.isFinite(r) && r > 0 && Number.isFinite(x) && Number.isFinite(y))) return this.over.replaceChildren();
    const ring = (stroke, weight) => svg('circle', { cx: x, cy: y, r, fill: 'none', stroke, 'stroke-width': weight, 'vector-effect': 'non-scaling-stroke' });
    return this.over.replaceChildren(ring('#fff', 6), ring('#111', 4.5), ring(/^#[0-9a-f]{6}$/i.test(color) ? color : '#00BFFF', 3));
  }
}
