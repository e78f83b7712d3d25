/** The list of steps: words, coordinates tied to their marks, and what was looked at. */
import { el, scrollAndSettle, scrollIntoBox } from './dom.js';
import { foldLong } from './fold.js';
import { icon } from './icons.js';
import { badge, lookOf } from './palette.js';
import { steps as stepWords } from './words.js';

/** Long thoughts fold after so many characters. */
const LONG = 900;

/** From so many steps on, cards out of sight are not laid out. */
const MANY = 100;

/** For every step the numbers of the other steps at the very same point. */
export function coinciding(steps) {
  const places = new Map();
  for (const { point, number, index } of steps) {
    if (!point) continue;
    const key = `${point.x.toFixed(1)} ${point.y.toFixed(1)}`;
    places.set(key, [...(places.get(key) ?? []), { number, index }]);
  }
  const others = new Map();
  for (const group of places.values()) {
    for (const { index } of group) others.set(index, group.filter((one) => one.index !== index).map((one) => one.number));
  }
  return others;
}

export class StepList {
  #cards = [];
  #current = -1;
  #hot = -1;
  #events;
  #scroller;

  constructor(view, events, scroller) {
    this.#events = events;
    this.#scroller = scroller;
    this.node = el('ol', { class: 'sc-steps', 'aria-label': 'Steps' });
    this.grow(view);
  }

  /** The same trace with more in it: cards of which nothing has changed stay as they are. */
  grow(view) {
    this.node.classList.toggle('is-many', view.steps.length > MANY);
    const others = coinciding(view.steps);
    view.steps.forEach((step, k) => {
      const same = others.get(step.index) ?? [];
      const faults = step.turn === view.steps[k - 1]?.turn ? [] : view.faults.filter((fault) => fault.turn === step.turn);
      const key = JSON.stringify([step, same, faults]);
      if (this.#cards[k]?.key === key) return;
      const made = this.#card(step, same, faults, key);
      if (this.#cards[k]) this.#cards[k].card.replaceWith(made.card);
      else this.node.append(made.card);
      this.#cards[k] = made;
    });
    for (const { card } of this.#cards.splice(view.steps.length)) card.remove();
  }

  /** A step's card. `faults` are those of its turn, where it is the first step of it: they are said once. */
  #card(step, same, faults, key) {
    const coordinates = [];
    const pick = el(
      'button',
      { type: 'button', class: 'sc-step-pick', 'aria-label': `Step ${step.number}`, onclick: () => this.#events.step(step.index) },
      badge(step.index, step.number, { hollow: !step.point?.inside }),
    );
    const body = el('div', { class: 'sc-step-body' }, this.#text(step, coordinates), ...this.#notes(step, same, faults));
    const card = el('li', { class: 'sc-step', 'data-step': step.index }, pick, body);
    card.style.setProperty('--sc-step', lookOf(step.index).fill);
    card.addEventListener('pointerenter', () => this.#events.hot(step.index));
    card.addEventListener('pointerleave', () => this.#events.hot(-1));
    card.addEventListener('click', (event) => this.#clicked(event, step));
    return { card, pick, coordinates, key };
  }

  /** A click anywhere on the card picks the step, but marking text with the mouse does not. */
  #clicked(event, step) {
    if (event.target.closest('button, summary, a') || String(getSelection())) return;
    this.#events.step(step.index);
  }

  #text(step, coordinates) {
    const parts = step.parts.map((part) => {
      if (!part.point) return part.text;
      coordinates.push(this.#coordinate(part.text, step));
      return coordinates.at(-1);
    });
    const text = el('p', { class: 'sc-step-text', dir: 'auto' }, ...parts);
    if (!step.parts.some((part) => part.text.trim())) text.append(el('span', { class: 'sc-quiet', text: 'No words in this step.' }));
    return foldLong(text, LONG);
  }

  #coordinate(written, step) {
    return el('button', {
      type: 'button', class: 'sc-coordinate', 'data-step': step.index, text: written,
      'aria-label': `${written}, the point of step ${step.number}`, onclick: () => this.#events.step(step.index),
      onfocus: () => this.#events.hot(step.index), onblur: () => this.#events.hot(-1),
    });
  }

  #notes(step, same, faults) {
    const notes = [];
    if (step.look) notes.push(el('p', { class: 'sc-note' }, icon('loupe'), `Looked: ${step.look.words}`));
    if (step.point) notes.push(el('p', { class: 'sc-note' }, step.place));
    if (same.length) notes.push(el('p', { class: 'sc-note', text: `${same.length + 1} steps at this very point: also ${stepWords(same)}.` }));
    if (step.point && !step.point.inside) notes.push(warning('Nothing can be drawn or looked at there.'));
    return [...notes, ...faults.filter((fault) => fault.kind !== 'point_outside').map((fault) => warning(fault.title))];
  }

  setStep(index, { scroll = true } = {}) {
    const [before, now] = [this.#cards[this.#current], this.#cards[index]];
    before?.card.classList.remove('is-current');
    before?.pick.removeAttribute('aria-current');
    now?.card.classList.add('is-current');
    now?.pick.setAttribute('aria-current', 'step');
    this.#current = index;
    if (!now || !scroll) return;
    const many = this.node.classList.contains('is-many');
    (many ? scrollAndSettle : scrollIntoBox)(this.#scroller, now.card);
  }

  setHot(index) {
    for (const one of [this.#hot, index]) {
      for (const node of [this.#cards[one]?.card, ...(this.#cards[one]?.coordinates ?? [])]) node?.classList.toggle('is-hot', one === index);
    }
    this.#hot = index;
  }
}

function warning(words) {
  return el('p', { class: 'sc-note is-warning' }, icon('warning'), words);
}
