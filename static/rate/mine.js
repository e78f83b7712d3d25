/** A rater's own ratings, newest first; any can be opened again and changed. */
import { button, el, fill } from '../viewer/dom.js';
import { ownUrl } from '../viewer/api.js';
import { Refused, Unreachable } from './api.js';
import { icon } from './icons.js';
import { Questions } from './questions.js';
import { plain } from './sentence.js';
import { count, day, plural } from './words.js';

const KINDS = { skipped: 'Skipped', withdrawn: 'Taken back' };
const STANDINGS = { surplus: 'beyond the number needed', set_apart: 'set apart: the step or the questions have changed' };

export class Mine {
  name = 'mine';
  #study;
  #tools;
  #page = 1;
  #asked = 0;
  #list = el('ol', { class: 'rt-mine' });
  #foot = el('div', { class: 'rt-row rt-pages' });
  #words = el('p', { class: 'sc-quiet', role: 'status', text: 'Fetching your ratings…' });

  /** `tools`: fetch(page), open(item), waiting() -> entries, leave() */
  constructor(study, tools) {
    this.#study = study;
    this.#tools = tools;
    const back = button([icon('left'), 'Back', el('kbd', { text: 'Esc' })], () => tools.leave());
    this.node = el('div', { class: 'rt-page' }, el('header', { class: 'rt-page-head' }, el('div', {}, el('h2', { tabindex: '-1', text: 'Your ratings' }), this.#words), back), this.#list, this.#foot);
    this.load(1);
  }

  /** The list is asked for again after every rating that is saved: only the newest question's answer is shown. */
  async load(page) {
    this.#asked += 1;
    const asked = this.#asked;
    try {
      const answer = await this.#tools.fetch(page);
      if (asked !== this.#asked) return;
      this.#page = page;
      this.#draw(answer);
    } catch (error) {
      if (!(error instanceof Refused || error instanceof Unreachable)) throw error;
      if (asked === this.#asked) fill(this.#words, `Your ratings could not be fetched. ${error.message} `, button('Try again', () => this.load(page)));
    }
  }

  #draw({ total, pages, items }) {
    const unsent = this.#page === 1 ? this.#tools.waiting() : [];
    this.#words.textContent = total || unsent.length ? `${plural(total, 'rating')} in ${this.#study.name}. Enter opens one to change it; the former one is kept beside the new.` : 'You have not rated anything in this study yet.';
    const chosen = this.#focused()?.dataset.item;
    fill(this.#list, unsent.map((entry) => this.#unsent(entry)), items.map((rating) => this.#row(rating)));
    // Whoever has gone to a row by the arrows stays on it.
    if (chosen) this.#list.querySelector(`[data-item="${chosen}"]`)?.focus({ preventScroll: true });
    const turn = (label, to, name) => button(label, () => this.load(to), { disabled: to < 1 || to > pages, 'aria-label': name });
    fill(this.#foot, pages > 1 ? [turn(icon('left'), this.#page - 1, 'Newer'), el('span', { class: 'sc-quiet', text: `Page ${count(this.#page)} of ${count(pages)}` }), turn(icon('right'), this.#page + 1, 'Older')] : []);
  }

  #row({ item, kind, at, revision, version, judgement, sentence, picture, standing }) {
    const said = kind === 'rated' ? Questions.words(this.#study.questions, judgement.answers) : KINDS[kind];
    const extras = [judgement.correction && 'corrected', judgement.comment && 'comment', kind === 'skipped' && judgement.reason, STANDINGS[standing]].filter(Boolean);
    const facts = [day(at), revision > 1 ? `revision ${revision}` : '', `guideline v${version}`].filter(Boolean).join(' · ');
    return el(
      'li',
      {},
      el(
        'button',
        { type: 'button', class: 'rt-mine-row', 'data-item': item, onclick: () => this.#tools.open(item) },
        picture ? el('img', { src: ownUrl(picture.thumbnail ?? picture.url), alt: '', loading: 'lazy', draggable: 'false' }) : el('span', { class: 'rt-no-picture' }),
        el('span', { class: 'rt-mine-words' }, el('span', { class: 'rt-mine-sentence', dir: 'auto', text: sentence || 'The step is no longer in the store.' }), el('span', { class: 'sc-quiet', text: facts })),
        el('span', { class: 'rt-mine-answer' }, el('strong', { text: said || 'No answer' }), extras.map((text) => el('span', { class: 'sc-quiet', dir: 'auto', text }))),
      ),
    );
  }

  #unsent(entry) {
    return el('li', { class: 'rt-mine-row is-unsent' }, icon('wait'), el('span', { class: 'rt-mine-words' }, el('span', { class: 'rt-mine-sentence', dir: 'auto', text: plain(entry.view?.sentence ?? []) || entry.words }), el('span', { class: 'sc-quiet', text: entry.refused ? entry.refused.sentence : 'Not saved yet; it is being sent.' })), el('span', { class: 'rt-mine-answer' }, el('strong', { text: Questions.words(this.#study.questions, entry.judgement?.answers ?? {}) || KINDS.skipped })));
  }

  /** The row that the keys are on, or none. */
  #focused() {
    const { activeElement } = this.node.getRootNode();
    return this.#list.contains(activeElement) ? activeElement : null;
  }

  focus() {
    this.node.querySelector('h2').focus({ preventScroll: true });
  }

  key(name) {
    const rows = [...this.#list.querySelectorAll('button')];
    const by = { ArrowDown: 1, ArrowUp: -1 }[name];
    if (by && rows.length) {
      const at = rows.indexOf(this.#focused());
      rows[at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + by))].focus();
    } else if (name === 'Escape') this.#tools.leave();
    else return false;
    return true;
  }
}
