/** Below the picture: for every look the exact pixels that the model saw. */
import { el, fill, keepFocus, scrollIntoBox } from './dom.js';
import { icon } from './icons.js';
import { ownUrl } from './api.js';
import { badge, lookOf } from './palette.js';
import { plural } from './words.js';

/** What a card shows of its step. */
function keyOf({ index, number, look, audit }) {
  return JSON.stringify([index, number, look.url, look.words, look.output, audit?.raw]);
}

export class Looks {
  #cards = new Map();
  #current = -1;
  #hot = -1;
  #number = 0;
  #open = true;
  #events;

  constructor(events) {
    this.#events = events;
    this.node = el('ul', { class: 'sc-looks', 'aria-label': 'What the model saw' });
    this.bar = el('p', { class: 'sc-looks-bar' });
  }

  show(view) {
    this.#cards.clear();
    this.#current = -1;
    this.#hot = -1;
    this.grow(view);
    this.node.scrollLeft = 0;
  }

  /** The same trace with more looks: the cards that are there stay. */
  grow(view) {
    const looked = view.steps.filter((step) => step.look);
    const before = this.#cards;
    this.#cards = new Map(looked.map((step) => {
      const kept = before.get(step.index);
      return [step.index, kept?.key === keyOf(step) ? kept : this.#card(step)];
    }));
    const cards = [...this.#cards.values()].map(({ card }) => card);
    if (cards.length !== this.node.children.length || cards.some((card, k) => card !== this.node.children[k])) fill(this.node, cards);
    this.node.hidden = !looked.length;
    this.#number = looked.length;
    this.setOpen(this.#open);
  }

  /** While comparing, the looks may give their room to the pictures: a line with a button is left of them. */
  setOpen(open) {
    this.#open = open;
    this.node.classList.toggle('is-closed', !open);
    if (!this.#number) return fill(this.bar, 'No looks');
    const words = `${open ? 'Hide' : 'Show'} ${plural(this.#number, 'look')}`;
    const toggle = el('button', { type: 'button', class: 'sc-more', 'aria-expanded': String(open), 'data-key': 'looks', text: words, onclick: () => this.#events.looks(!open) });
    keepFocus(this.bar, () => fill(this.bar, toggle));
    return undefined;
  }

  #card(step) {
    const { look, number, index } = step;
    const image = el('img', { class: 'sc-look-picture', src: ownUrl(look.url), alt: `What the model saw at step ${number}: ${look.words}`, loading: 'lazy' });
    image.addEventListener('error', () => card.classList.add('is-missing'));
    const pick = el('button', { type: 'button', class: 'sc-look-pick', 'aria-label': `Step ${number}: what the model saw`, onclick: () => this.#events.step(index) }, image);
    const larger = el(
      'button',
      { type: 'button', class: 'sc-look-larger', 'aria-label': `Open the look of step ${number} larger`, title: 'Open larger', onclick: () => this.#events.larger(step) },
      icon('enlarge'),
    );
    const where = step.audit ? el('span', { class: 'sc-look-where' }, step.audit.raw) : null;
    const caption = el('p', { class: 'sc-look-caption', title: look.words }, el('span', { class: 'sc-look-head' }, badge(index, number), where), el('span', { class: 'sc-look-words', text: look.words }));
    const card = el('li', { class: 'sc-look', 'data-step': index }, el('div', { class: 'sc-look-frame' }, pick, larger), caption);
    card.style.setProperty('--sc-step', lookOf(index).fill);
    card.style.setProperty('--sc-ratio', String(look.output[0] / look.output[1]));
    card.addEventListener('pointerenter', () => this.#events.hot(index));
    card.addEventListener('pointerleave', () => this.#events.hot(-1));
    pick.addEventListener('dblclick', () => this.#events.larger(step));
    return { card, pick, key: keyOf(step) };
  }

  setStep(index) {
    const [before, now] = [this.#cards.get(this.#current), this.#cards.get(index)];
    before?.card.classList.remove('is-current');
    before?.pick.removeAttribute('aria-current');
    now?.card.classList.add('is-current');
    now?.pick.setAttribute('aria-current', 'step');
    this.#current = index;
    if (now) scrollIntoBox(this.node, now.card);
  }

  setHot(index) {
    this.#cards.get(this.#hot)?.card.classList.remove('is-hot');
    this.#cards.get(index)?.card.classList.add('is-hot');
    this.#hot = index;
  }
}
