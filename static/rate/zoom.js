/** What the model saw when it zoomed in, beside the questions; and whether the rater had it on the screen. */
import { el, fill } from '../viewer/dom.js';

/** As long as this, in milliseconds, half of the loaded picture has to be on the screen to count as seen. */
const GLANCE = 300;

export class ZoomPanel {
  #seen;
  #timer = 0;
  #inSight = false;
  /** What is shown, { item, asset, seen }, or null. */
  #shown = null;
  #frame = el('div', { class: 'rt-zoom-frame' });
  #words = el('p', { class: 'sc-quiet' });

  /** `seen()` is called for each step whose picture was on the screen for a moment. */
  constructor(seen) {
    this.#seen = seen;
    this.node = el('section', { class: 'rt-zoom', 'aria-label': 'What the model zoomed in on', hidden: true }, el('h3', { text: 'What the model saw when it zoomed in' }), this.#frame, this.#words);
    const observer = new IntersectionObserver((entries) => {
      // It tells of crossings only: a step after another finds the panel where it was.
      this.#inSight = entries.at(-1).isIntersecting;
      this.#watch();
    }, { threshold: 0.5 });
    observer.observe(this.#frame);
  }

  /** `seen`: this step's was seen already. */
  show(item, asset, { open, seen }) {
    if (this.#shown?.item !== item.item) this.#stop();
    this.node.hidden = !open || !item.zoom;
    if (this.node.hidden) {
      fill(this.#frame);
      this.#shown = null;
      this.#stop();
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
    this.#shown = { item: item.item, asset, seen };
    this.#watch();
    asset.ready.then((there) => {
      if (this.#shown?.asset === asset) this.#watch();
      if (!there && image.isConnected) this.#words.textContent = 'The zoom could not be loaded.';
    });
  }

  /** Begins to count the moment, goes on with it, or ends it. */
  #watch() {
    const due = this.#shown && !this.#shown.seen && this.#inSight && this.#shown.asset.state === 'there';
    if (!due) this.#stop();
    else this.#timer ||= setTimeout(() => this.#passed(), GLANCE);
  }

  #passed() {
    this.#timer = 0;
    if (!this.node.isConnected) return;
    if (document.hidden) this.#watch();
    else this.#seen();
  }

  #stop() {
    clearTimeout(this.#timer);
    this.#timer = 0;
  }
}
