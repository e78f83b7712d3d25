/** A look opened large: crop pixels as they are, and under the pointer which original pixel each one came from. */
import { button, el, fill } from './dom.js';
import { icon } from './icons.js';
import { ownUrl } from './api.js';
import { pair, px } from './words.js';

const ZOOMS = [1, 2, 4];

/** The original place of the middle of crop pixel (u, v). The crop may lie turned: only its map knows how. */
export function toOriginal(u, v, { map: [a, b, c, d, e, f] }) {
  return { x: a * (u + 0.5) + c * (v + 0.5) + e, y: b * (u + 0.5) + d * (v + 0.5) + f };
}

function facts(look) {
  const [x1, y1, x2, y2] = look.window;
  const cut = look.cut.length ? `cut at the ${look.cut.join(' and ')} edge` : 'whole';
  const dot = look.dot ? 'with a red dot at the point' : 'without a dot';
  const [a, b, c, d] = look.map;
  const stretch = `${px(1 / Math.hypot(a, b))} × ${px(1 / Math.hypot(c, d))}`;
  return [
    ['Crop', `${look.output[0]} × ${look.output[1]} px, ${dot}`],
    ['Window in the picture', `${pair(x1, y1)} to ${pair(x2, y2)}, ${px(x2 - x1)} × ${px(y2 - y1)} px, ${cut}`],
    ['Enlarged', `${stretch} times`],
  ];
}

export class LookDialog {
  #look = null;
  #at = [0, 0];
  #zoom = 1;
  #image = el('img', { class: 'sc-crop', alt: '', draggable: 'false' });
  #cross = el('div', { class: 'sc-cross', 'aria-hidden': 'true' });
  #mapping = el('output', { class: 'sc-mapping' });
  #title = el('h3', {});
  #facts = el('dl', { class: 'sc-facts' });
  #zooms = el('div', { class: 'sc-group', role: 'group', 'aria-label': 'Size' });

  constructor() {
    const board = el('div', { class: 'sc-crop-board' }, this.#image, this.#cross);
    this.field = el(
      'div',
      { class: 'sc-crop-field', tabindex: '0', role: 'group', 'aria-label': 'Crop pixels. Arrows move the cross by one pixel, with Shift by ten.' },
      board,
    );
    const close = button(icon('close'), () => this.node.close(), { class: 'is-bare', 'aria-label': 'Close' });
    const head = el('header', { class: 'sc-dialog-head' }, this.#title, this.#zooms, close);
    this.node = el('dialog', { class: 'sc-dialog sc-look-dialog', 'aria-label': 'A look, opened larger' }, head, this.field, this.#mapping, this.#facts);
    this.node.addEventListener('click', (event) => event.target === this.node && this.node.close());
    this.#image.addEventListener('pointermove', (event) => this.#pointed(event));
    this.field.addEventListener('keydown', (event) => this.#moved(event));
  }

  open(step) {
    this.#look = step.look;
    this.#title.textContent = `Step ${step.number}: what the model saw`;
    this.#image.src = ownUrl(step.look.url);
    this.#image.alt = `The crop of step ${step.number}`;
    fill(this.#facts, facts(step.look).flatMap(([name, value]) => [el('dt', { text: name }), el('dd', { text: value })]));
    this.#setZoom(1);
    this.#point(Math.floor(step.look.output[0] / 2), Math.floor(step.look.output[1] / 2));
    this.node.showModal();
    this.field.focus();
  }

  #setZoom(zoom) {
    this.#zoom = zoom;
    const [width, height] = this.#look.output;
    this.#image.style.width = `${width * zoom}px`;
    this.#image.style.height = `${height * zoom}px`;
    const names = { 1: 'Native size' };
    fill(this.#zooms, ZOOMS.map((one) => button(names[one] ?? `${one} ×`, () => this.#setZoom(one), { 'aria-pressed': String(one === zoom) })));
    this.#point(...this.#at);
  }

  #pointed(event) {
    const box = this.#image.getBoundingClientRect();
    this.#point(Math.floor((event.clientX - box.left) / this.#zoom), Math.floor((event.clientY - box.top) / this.#zoom));
  }

  #moved(event) {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!way) return;
    event.preventDefault();
    const stride = event.shiftKey ? 10 : 1;
    this.#point(this.#at[0] + way[0] * stride, this.#at[1] + way[1] * stride);
  }

  #point(u, v) {
    const [width, height] = this.#look.output;
    this.#at = [Math.min(width - 1, Math.max(0, u)), Math.min(height - 1, Math.max(0, v))];
    const { x, y } = toOriginal(...this.#at, this.#look);
    this.#mapping.textContent = `crop pixel (${this.#at.join(', ')}) → original pixel ${pair(x, y)}`;
    this.#cross.style.transform = `translate(${(this.#at[0] + 0.5) * this.#zoom}px, ${(this.#at[1] + 0.5) * this.#zoom}px)`;
  }
}
