/** The studies that one may rate in, as cards. */
import { el } from '../viewer/dom.js';
import { count, plural } from './words.js';

function state({ closed, open, done }) {
  if (closed) return 'Closed';
  if (!open && !done) return 'Nothing to rate yet';
  return open ? `${plural(open, 'step')} to rate` : 'All done';
}

export class Studies {
  name = 'studies';
  #studies;
  #open;

  /** `open(study)` goes into one. */
  constructor(studies, open) {
    this.#studies = studies;
    this.#open = open;
    const cards = studies.map((study, k) => el('li', {}, this.#card(study, k)));
    const none = 'There is no study yet. Whoever leads the work sets one up under Studies; then it is found here.';
    this.node = el('div', { class: 'rt-page' }, el('header', {}, el('h2', { tabindex: '-1', text: 'Studies' }), el('p', { class: 'sc-quiet', text: studies.length ? 'Choose what you rate. Each keeps your place.' : none })), el('ul', { class: 'rt-cards' }, cards));
  }

  #card(study, k) {
    const all = study.done + study.open;
    const share = all ? (100 * study.done) / all : 0;
    const bar = el('span', { class: 'rt-bar' }, el('span', { class: 'rt-bar-fill' }));
    bar.firstChild.style.width = `${share}%`;
    return el(
      'button',
      { type: 'button', class: `rt-study-card${study.closed ? ' is-closed' : ''}`, onclick: () => this.#open(study) },
      el('span', { class: 'rt-study-name', dir: 'auto', text: study.name }),
      k < 9 ? el('kbd', { 'aria-hidden': 'true', text: String(k + 1) }) : null,
      bar,
      el('span', { class: 'rt-study-facts sc-quiet' }, el('span', { text: state(study) }), el('span', { text: `${count(study.done)} done · guideline v${study.version}` })),
    );
  }

  focus() {
    (this.node.querySelector('.rt-study-card') ?? this.node.querySelector('h2')).focus();
  }

  key(name) {
    const cards = [...this.node.querySelectorAll('.rt-study-card')];
    const by = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[name];
    if (by && cards.length) cards[(cards.indexOf(this.node.getRootNode().activeElement) + by + cards.length) % cards.length].focus();
    const study = /^[1-9]$/.test(name) ? this.#studies[Number(name) - 1] : null;
    if (study) this.#open(study);
    return Boolean(by || study);
  }
}
