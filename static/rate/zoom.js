/** What the model saw when it zoomed in, beside the questions; and whether the rater had it on the screen. */
import { el, fill } from '../viewer/dom.js';

/** As long as this, in milliseconds, half of it has to be on the screen to count as seen. */
const GLANCE = 300;

export class ZoomPanel {
  #seen;
  #timer = 0;
  #frame = el('div', { class: 'rt-zoom-frame' });
  #words = el('p', { class: 'sc-quiet' });

  /** `seen()` is called once it was on the screen for a moment. */
  constructor(seen) {
    this.#seen = seen;
    this.node = el('section', { class: 'rt-zoom', 'aria-label': 'What the model zoomed in on', hidden: true }, el('h3', { text: 'What the model saw when it zoomed in' }), this.#frame, this.#words);
    new IntersectionObserver(([entry]) => this.#watch(entry.isIntersecting && !this.node.hidden), { threshold: 0.5 }).observe(this.#frame);
  }

  show(item, asset, open) {
    this.node.hidden = !open || !item.zoom;
    if (this.node.hidden) {
      fill(this.#frame);
      this.#watch(false);
      return;
    }
    const { image } = asset;
    image.className = 'rt-crop';
    image.alt = 'The part of the picture that the model saw larger';
    image.width = item.zoom.width;
    image.height = item.zoom.height;
    fill(this.#frame, image);
    const { x1, y1, x2, y2 } = item.zoom.window;
    const dot = item.zoom.dot ? ' A red dot marked the point.' : '';
    this.#words.textContent = `${Math.round(x2 - x1)} × ${Math.round(y2 - y1)} px, framed in the picture.${dot}`;
    asset.ready.then((there) => {
      if (!there && image.isConnected) this.#words.textContent = 'The zoom could not be loaded.';
    });
  }

  #watch(inSight) {
    clearTimeout(this.#timer);
    if (inSight) this.#timer = setTimeout(() => !document.hidden && this.#seen(), GLANCE);
  }
}
