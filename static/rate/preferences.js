/** What a person chose: keys, whether the next step opens by itself, whether the zoom is shown. Kept here and on the server. */
import { debounce } from '../viewer/dom.js';
import { ask, Refused, Unreachable } from './api.js';
import * as shelf from './shelf.js';

const PAUSE = 400;

export class Preferences {
  #name;
  #document = {};
  #keymap;
  #send = debounce(() => this.#put(), PAUSE);

  advance = true;
  zoom = false;
  /** Why the server does not have the newest; '' where it has. */
  trouble = '';

  constructor(rater, keymap) {
    this.#name = shelf.nameOf('preferences', rater);
    this.#keymap = keymap;
    this.#take(shelf.read(this.#name) ?? {});
  }

  #take({ keys = {}, advance = true, zoom = false }) {
    this.#keymap.changed = keys;
    this.advance = advance !== false;
    this.zoom = zoom === true;
  }

  /** What the server has counts, unless this browser has changes that never reached it. */
  async load() {
    try {
      const { document } = await ask('GET', 'api/preferences');
      this.#document = document ?? {};
      if (shelf.read(this.#name)?.unsent) await this.#put();
      else if (this.#document.rate) this.#take(this.#document.rate);
    } catch (error) {
      if (!(error instanceof Refused || error instanceof Unreachable)) throw error;
      this.trouble = error.message;
    }
  }

  get #values() {
    return { keys: this.#keymap.changed, advance: this.advance, zoom: this.zoom };
  }

  save() {
    shelf.write(this.#name, { ...this.#values, unsent: true });
    this.#send();
  }

  async #put() {
    const sent = JSON.stringify(this.#values);
    try {
      await ask('PUT', 'api/preferences', { document: { ...this.#document, rate: this.#values } });
      this.trouble = '';
      if (sent === JSON.stringify(this.#values)) shelf.write(this.#name, this.#values);
    } catch (error) {
      if (!(error instanceof Refused || error instanceof Unreachable)) throw error;
      // The browser has it, and sends it when the page is opened again.
      this.trouble = error.message;
    }
  }
}
