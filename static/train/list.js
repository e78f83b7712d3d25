/** The runs at the left: each with its state in words, how far it is, and how long it will still take. */
import { button, el, fill, keepFocus } from '../viewer/dom.js';
import { bar } from '../studies/pieces.js';
import { since, stepWords } from './words.js';

/** The words of a state, with a sign that tells it apart without its colour. */
export function stateTag({ state, state_words: words, stopping }) {
  return el('span', { class: 'tr-state', 'data-state': stopping ? 'stopping' : state }, words);
}

export class RunList {
  #pick;
  #here = '';
  #runs = [];
  #filter = '';

  /** `pick(id)`: a run is to be seen; `more`: nodes above the list. */
  constructor(pick, more = []) {
    this.#pick = pick;
    this.search = el('input', { class: 'st-input', type: 'search', placeholder: 'Find a run by its name', 'aria-label': 'Find a run by its name', hidden: true });
    this.search.addEventListener('input', () => {
      this.#filter = this.search.value.trim().toLowerCase();
      this.#draw();
    });
    this.rows = el('ul', { class: 'tr-runs', 'aria-label': 'Runs' });
    this.where = el('p', { class: 'sc-quiet tr-where' });
    this.node = el('nav', { class: 'tr-left', 'aria-label': 'Runs of training' }, el('div', { class: 'tr-left-head' }, el('h2', { text: 'Training' }), ...more), this.search, this.rows, this.where);
  }

  show({ runs, folders }) {
    this.#runs = runs;
    this.search.hidden = runs.length < 8;
    this.where.textContent = `${folders.length > 1 ? 'Folders' : 'Folder'} of runs: ${folders.join(', ')}`;
    this.#draw();
  }

  mark(id) {
    this.#here = id;
    this.#draw();
  }

  #draw() {
    const shown = this.#runs.filter(({ name, title }) => `${name} ${title}`.toLowerCase().includes(this.#filter));
    const none = el('li', { class: 'sc-quiet tr-none', text: this.#runs.length ? 'No run has such a name.' : 'No run yet.' });
    keepFocus(this.node, () => fill(this.rows, shown.length ? shown.map((one) => this.#row(one)) : none));
  }

  #row(one) {
    const meta = [one.kind_words, stepWords(one), one.left || (one.going ? '' : since(one.heard))].filter(Boolean).join(' · ');
    return el(
      'li',
      {},
      el(
        'button',
        { type: 'button', class: 'tr-run', 'data-key': `run-${one.id}`, 'data-run': one.name, 'aria-current': one.id === this.#here ? 'true' : null, onclick: () => this.#pick(one.id) },
        el('span', { class: 'tr-run-head' }, el('span', { class: 'tr-run-name', dir: 'auto', text: one.name }), stateTag(one)),
        one.steps ? bar(one.step ?? 0, one.steps) : null,
        el('span', { class: 'tr-run-meta', text: meta || one.words }),
      ),
    );
  }
}

/** What stands in the middle where there is no run. */
export function noRuns({ folders, read_only: readOnly }, begin) {
  return el(
    'section',
    { class: 'pg-empty' },
    el('h2', { text: 'No run of training yet' }),
    el('p', { text: 'A run is a folder that fills while a policy learns: its recipe, its figures, what the policy says on the way, and in the end the trained policy. Runs that others begin in these folders appear here by themselves, also over a mounted drive.' }),
    el('p', { class: 'sc-quiet', text: `Looked for in ${folders.join(', ')}. Other folders are named at the start with --runs.` }),
    begin && !readOnly ? button('Begin a run', begin, { class: 'st-primary', 'data-key': 'begin' }) : null,
  );
}
