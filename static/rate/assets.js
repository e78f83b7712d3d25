/** Pictures, fetched and decoded before they are needed. One that is in sight or comes next is kept. */
import { ownUrl } from '../viewer/api.js';

const KEPT = 8;

export class Assets {
  #kept = new Map();

  /** { image, ready, state }: the element, a promise of true or false, and 'loading', 'there' or 'failed'. */
  get(address) {
    const kept = this.#kept.get(address);
    this.#kept.delete(address);
    const asset = kept && kept.state !== 'failed' ? kept : this.#load(address);
    this.#kept.set(address, asset);
    if (this.#kept.size > KEPT) this.#kept.delete(this.#kept.keys().next().value);
    return asset;
  }

  #load(address) {
    const image = new Image();
    image.draggable = false;
    image.alt = '';
    image.src = ownUrl(address);
    const asset = { image, state: 'loading' };
    const end = (state) => {
      asset.state = state;
      return state === 'there';
    };
    asset.ready = image.decode().then(() => end('there'), () => end('failed'));
    return asset;
  }

  /** Everything that a step shows. */
  prepare(item) {
    this.get(item.picture.url);
    if (item.zoom) this.get(item.zoom.url);
  }
}
