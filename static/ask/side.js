/** The panel beside the picture: while a conversation runs its steps and the text as it comes; when it has ended, what Inspect says of it. */
import { el, fill } from '../viewer/dom.js';
import { Info } from '../viewer/info.js';
import { AUTHORS } from '../viewer/rawtext.js';
import { StepList } from '../viewer/steps.js';
import { plural } from '../viewer/words.js';

/** So near its end, in CSS pixels, a text counts as read to its end: it then follows what is written. */
const NEAR_END = 24;

function isAtEnd(node) {
  return node.scrollHeight - node.scrollTop - node.clientHeight < NEAR_END;
}

/** The text of all turns, each part with who wrote it. What is there stays, and what is new is put behind it. */
class LiveText {
  #parts = [];

  constructor() {
    this.node = el('div', { class: 'ak-text', tabindex: '0', role: 'region', 'aria-label': 'The text as it is written' });
  }

  show(turns) {
    const { node } = this;
    const follows = isAtEnd(node);
    const parts = turns.flatMap(({ index, segments }) => segments.map((one) => ({ ...one, turn: index })));
    parts.forEach((part, k) => this.#put(part, k));
    for (const { card } of this.#parts.splice(parts.length)) card.remove();
    if (follows) node.scrollTop = node.scrollHeight;
  }

  #put({ author, text, turn }, k) {
    let here = this.#parts[k];
    if (here?.author !== author || here?.turn !== turn) {
      const words = document.createTextNode('');
      const name = `Turn ${turn + 1} · ${AUTHORS[author] ?? author}`;
      const card = el('section', { class: `sc-segment is-${author}` }, el('p', { class: 'sc-author', text: name }), el('pre', { class: 'ak-raw', dir: 'auto' }, words));
      if (here) here.card.replaceWith(card);
      else this.node.append(card);
      here = { author, turn, words, card };
      this.#parts[k] = here;
    }
    const { data } = here.words;
    if (data === text) return;
    if (text.startsWith(data)) here.words.appendData(text.slice(data.length));
    else here.words.data = text;
  }
}

/** A view that carries `live` is of a conversation that runs; one that carries `plain` has nothing to tell yet but these words. */
export class Side extends Info {
  #steps = null;
  #text = null;
  #head = null;
  #live = false;

  show(view) {
    this.#live = Boolean(view.live || view.plain);
    this.node.classList.toggle('is-live', this.#live);
    if (this.#live) this.#showLive(view);
    else super.show(view);
  }

  /** The same conversation with more in it. */
  grow(view) {
    if (!this.#live || !view.live || view.plain || !this.#steps) return this.#live || view.live ? this.show(view) : undefined;
    const list = this.#steps.node.parentElement;
    const follows = isAtEnd(list);
    this.#tell(view);
    this.#steps.grow(view);
    if (follows) list.scrollTop = list.scrollHeight;
    this.#text.show(view.turns);
    return undefined;
  }

  #showLive(view) {
    if (view.plain) {
      this.#steps = null;
      fill(this.node, el('p', { class: 'sc-section sc-quiet', text: view.plain }));
      return;
    }
    this.#head = el('header', { class: 'sc-section ak-live-head' });
    const list = el('div', { class: 'ak-live-steps' });
    this.#steps = new StepList(view, this.events, list);
    list.append(this.#steps.node);
    this.#text = new LiveText();
    fill(this.node, this.#head, list, el('section', { class: 'ak-live-text', 'aria-label': 'Text' }, el('h3', { text: 'As it is written' }), this.#text.node));
    this.#tell(view);
    this.#text.show(view.turns);
  }

  #tell({ steps, turns }) {
    const looks = steps.filter((step) => step.look).length;
    const words = steps.length ? `${plural(steps.length, 'step')}, ${plural(looks, 'look')} so far` : 'No step yet';
    const turn = turns.length ? `Turn ${turns.length}` : 'Waiting for the first word';
    fill(this.#head, el('h3', { text: words }), el('p', { class: 'sc-quiet', text: turn }));
  }

  setStep(index, options) {
    if (this.#live) this.#steps?.setStep(index, options);
    else super.setStep(index, options);
  }

  setHot(index) {
    if (this.#live) this.#steps?.setHot(index);
    else super.setHot(index);
  }
}
