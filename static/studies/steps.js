/** The steps that a study asks about, page by page; single ones can be left out and taken back. */
import { button, el, fill, keepFocus } from '../viewer/dom.js';
import { getJson, sendJson } from '../viewer/api.js';
import { icon } from '../viewer/icons.js';
import { count, plural } from '../viewer/words.js';
import { bar, failure } from './pieces.js';
import { LEFT_OUT } from './words.js';

const SIZE = 25;

export class Steps {
  #study = null;
  #page = 1;
  #loads = 0;
  #found = null;
  #changed;
  #say;

  /** `changed(study)` after a step was left out or taken back; `say(sentence)`. */
  constructor(changed, say) {
    this.#changed = changed;
    this.#say = say;
    this.line = el('p', { class: 'sc-quiet', role: 'status' });
    this.rows = el('ul', { class: 'pg-card st-steps', 'aria-label': 'Steps' });
    this.paging = el('nav', { class: 'sc-paging', 'aria-label': 'Pages of steps' });
    this.node = el('div', { class: 'st-stack' }, this.line, this.rows, this.paging);
  }

  show(study) {
    if (study.id !== this.#study?.id) {
      this.#page = 1;
      this.#found = null;
    }
    this.#study = study;
    this.load();
  }

  async load() {
    this.#loads += 1;
    const load = this.#loads;
    const { id } = this.#study;
    try {
      const found = await getJson(`api/studies/${id}/items`, [['page', this.#page], ['page_size', SIZE]]);
      if (load !== this.#loads) return;
      this.#found = found;
      this.#draw();
    } catch (error) {
      if (load === this.#loads) fill(this.rows, el('li', {}, failure('The steps could not be loaded', error, () => this.load())));
    }
  }

  #draw() {
    const { items, left_out: out } = this.#study;
    this.line.textContent = `${plural(items, 'step')} asked${out ? `, ${count(out)} left out` : ''}. A step that is left out is asked of nobody; its ratings are kept.`;
    const rows = this.#found.items.map((item) => this.#row(item));
    keepFocus(this.node, () => {
      fill(this.rows, rows.length ? rows : el('li', { class: 'st-none sc-quiet', text: 'No step: look at the selection under Settings.' }));
      this.#drawPaging();
    });
  }

  #row(item) {
    const why = LEFT_OUT[item.left_out] ?? item.left_out;
    const number = item.step + 1;
    const where = el('a', { class: 'st-step-where', href: `/?trace=${encodeURIComponent(item.trace)}&step=${number}`, text: `trace ${item.trace.slice(0, 8)}, step ${number}` });
    const act = this.#button(item);
    const state = item.left_out
      ? el('span', { class: 'pg-tag is-warn', text: why })
      : el('span', { class: 'st-step-count' }, bar(item.ratings, item.wanted), el('span', { text: `${item.ratings} of ${plural(item.wanted, 'rating')}` }));
    return el('li', { class: `st-step${item.left_out ? ' is-out' : ''}` }, el('div', { class: 'st-step-words' }, el('p', { dir: 'auto' }, ...sentence(item.sentence)), where), state, act);
  }

  #button(item) {
    const key = `step-${item.id}`;
    if (!item.left_out) return button('Leave out', () => this.#move({ leave_out: [item.id] }, 'Left out.'), { 'data-key': key, 'aria-label': `Leave out step ${item.step + 1} of trace ${item.trace.slice(0, 8)}` });
    if (item.left_out !== 'by_hand') return null;
    return button('Take back', () => this.#move({ take_back: [item.id] }, 'Taken back.'), { 'data-key': key, 'aria-label': `Take back step ${item.step + 1} of trace ${item.trace.slice(0, 8)}` });
  }

  async #move(change, words) {
    const { id } = this.#study;
    try {
      await sendJson('POST', `api/studies/${id}/items`, { leave_out: [], take_back: [], ...change });
      this.#say(words);
      this.#changed(await getJson(`api/studies/${id}`));
    } catch (error) {
      this.#say(error.message);
    }
  }

  #drawPaging() {
    const { pages } = this.#found;
    const go = (to) => {
      this.#page = Math.min(pages, Math.max(1, to));
      this.load();
    };
    const field = el('input', { class: 'sc-page', type: 'number', min: '1', max: pages, value: this.#page, 'aria-label': `Page, of ${pages}`, 'data-key': 'page' });
    field.addEventListener('change', () => go(Math.round(Number(field.value)) || 1));
    const step = (name, label, to, off) => button(icon(name), () => go(to), { 'aria-label': label, disabled: off, 'data-key': name, class: 'is-bare' });
    fill(this.paging, pages > 1 ? [step('left', 'Previous page', this.#page - 1, this.#page <= 1), el('span', {}, 'Page ', field, ` of ${count(pages)}`), step('right', 'Next page', this.#page + 1, this.#page >= pages)] : []);
    this.paging.hidden = pages <= 1;
  }
}

/** The words that raters read, the place of the circle marked. */
function sentence(parts) {
  if (typeof parts === 'string') return [parts || '…'];
  return parts.map((part) => (part.circle ? el('span', { class: 'st-circle-words', text: part.text }) : part.text));
}
