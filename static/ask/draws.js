/** All draws of a run side by side, small: where each looked, what it answered, whether that is right, and how it ended. */
import { el, fill } from '../viewer/dom.js';
import { foldCut } from '../viewer/fold.js';
import { icon } from '../viewer/icons.js';
import { verdictWord } from '../viewer/words.js';
import { inspectAddress } from './address.js';
import { Thumb } from './thumb.js';
import { drawWords, isOver } from './words.js';

const SIGNS = { true: ['check', 'is-right'], false: ['cross', 'is-wrong'], null: ['dash', 'is-unscored'] };

class Card {
  #verdict = el('span', { class: 'ak-card-verdict' });
  #answer = el('p', { class: 'ak-card-answer', dir: 'auto' });
  #meta = el('p', { class: 'ak-card-meta' });
  #links = el('p', { class: 'ak-card-links' });
  #said = '';

  constructor(number, picture, pick) {
    this.number = number;
    this.thumb = new Thumb(picture);
    this.pick = el('button', { type: 'button', class: 'ak-card-pick', 'data-key': `draw-${number}`, onclick: pick }, this.thumb.node);
    const head = el('p', { class: 'ak-card-head' }, el('span', { class: 'ak-card-name', text: `Draw ${number + 1}` }), this.#verdict);
    this.node = el('li', { class: 'ak-card', 'data-draw': number }, this.pick, el('div', { class: 'ak-card-body' }, head, this.#answer, this.#meta, this.#links));
    this.node.addEventListener('click', (event) => !event.target.closest('button, a') && !String(getSelection()) && pick());
  }

  show(draw, scored) {
    const { view } = draw;
    if (view) this.thumb.show(view);
    const key = JSON.stringify([draw.state, draw.error, view?.answer.text, draw.correct, view?.steps.length, view?.turns.length, view?.steps.filter((step) => step.look).length, scored]);
    if (key === this.#said) return;
    this.#said = key;
    this.node.dataset.state = draw.state;
    this.#tell(draw, scored);
  }

  #tell({ view, state, correct, error }, scored) {
    const over = isOver(state);
    const verdict = scored ? verdictWord(correct) : '';
    const [sign, kind] = SIGNS[correct ?? null];
    this.node.classList.remove('is-right', 'is-wrong', 'is-unscored');
    if (over && scored) this.node.classList.add(kind);
    fill(this.#verdict, over ? (scored ? [icon(sign), verdict] : null) : state);
    const text = over ? view?.answer.text ?? null : null;
    this.#answer.classList.toggle('is-missing', text === null);
    this.#answer.textContent = text ?? (over ? error || 'No answer' : view?.turns.length ? `Turn ${view.turns.length}…` : '…');
    this.#meta.textContent = drawWords(view, over ? view?.stop_title : '');
    this.pick.setAttribute('aria-label', [`Draw ${this.number + 1}`, over ? text ?? 'no answer' : state, over ? verdict : '', this.#meta.textContent].filter(Boolean).join(', '));
  }

  /** Where the trace is kept; beside the one that is looked at now, if there is another. */
  link(stored, other) {
    const links = stored ? [el('a', { href: inspectAddress(stored), text: 'Inspect', 'aria-label': `Inspect draw ${this.number + 1}` })] : [];
    if (stored && other && other.id !== stored.id) links.push(el('a', { href: inspectAddress(other, stored), text: 'Compare', 'aria-label': `Compare draw ${this.number + 1} with draw ${other.draw + 1}` }));
    fill(this.#links, links);
  }
}

export class Draws {
  #cards = [];
  #pick;

  /** `pick(draw)`: one is to be seen large. */
  constructor(pick) {
    this.#pick = pick;
    this.list = el('ol', { class: 'ak-cards', 'aria-label': 'Draws' });
    this.question = el('h2', { class: 'sc-question', dir: 'auto' });
    this.node = el('section', { class: 'ak-draws', 'aria-label': 'All draws' }, el('div', { class: 'ak-draws-head' }, this.question, foldCut(this.question)), this.list);
  }

  show({ samples: number, picture, question }) {
    this.question.textContent = question.replaceAll(/\s+/g, ' ').trim();
    this.question.classList.add('is-cut');
    this.#cards = Array.from({ length: number }, (_, k) => new Card(k, picture, () => this.#pick(k)));
    fill(this.list, this.#cards.map(({ node }) => node));
    this.node.scrollTop = 0;
  }

  draw(draw, scored) {
    this.#cards[draw.draw]?.show(draw, scored);
  }

  /** `stored`: [{ draw, id, dataset }]; `seen`: the draw that was looked at last. */
  link(stored, seen) {
    const by = new Map(stored.map((one) => [one.draw, one]));
    for (const card of this.#cards) card.link(by.get(card.number), seen === card.number ? null : by.get(seen));
  }

  /** Marks the draw that was looked at. */
  mark(draw) {
    for (const { number, node } of this.#cards) node.classList.toggle('is-current', number === draw);
  }

  focus(draw) {
    (this.#cards[draw] ?? this.#cards[0])?.pick.focus();
  }
}

/** A draw's number in a row, to go from one to the next while one is large. */
export class DrawRow {
  #pills = [];

  constructor(pick, all) {
    this.all = el('button', { type: 'button', class: 'sc-button', onclick: all, 'data-key': 'all-draws' });
    this.list = el('div', { class: 'ak-pills', role: 'group', 'aria-label': 'Draws' });
    this.node = el('div', { class: 'ak-row' }, this.all, this.list);
    this.pick = pick;
  }

  show(number) {
    this.node.hidden = number < 2;
    fill(this.all, icon('grid'), `All ${number}`);
    this.#pills = Array.from({ length: number }, (_, k) => el('button', { type: 'button', class: 'ak-pill', 'data-key': `pill-${k}`, onclick: () => this.pick(k) }, String(k + 1)));
    fill(this.list, this.#pills);
  }

  draw({ draw, state, correct, view }, scored) {
    const pill = this.#pills[draw];
    if (!pill) return;
    const over = isOver(state);
    const verdict = over && scored ? verdictWord(correct) : '';
    pill.dataset.state = verdict || state;
    const label = [`Draw ${draw + 1}`, verdict || state, over && view?.answer.text ? view.answer.text.slice(0, 80) : ''].filter(Boolean).join(', ');
    if (pill.title === label) return;
    pill.title = label;
    pill.setAttribute('aria-label', label);
  }

  mark(draw) {
    this.#pills.forEach((pill, k) => pill.setAttribute('aria-pressed', String(k === draw)));
    this.#pills[draw]?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }
}
