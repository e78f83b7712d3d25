/** From the records that a rule takes to a policy: what stands against it, the button, and what was begun so far. */
import { button, el, fill, keepFocus } from '../viewer/dom.js';
import { sendJson } from '../viewer/api.js';
import { plural } from '../viewer/words.js';
import { Known } from '../train/asking.js';
import { improvementRow } from './improvement.js';
import { WishDialog } from './wish.js';

const EVERY = 3000;
const PATH = 'api/improvements';
// Fewer pairs are above p = 0.05 whatever is answered (app/improving.py).
const FEWEST = 6;

function warning({ train, test }) {
  if (!train) return 'The split train holds no record, so there is nothing to learn from: loosen the rule, or give that split a larger share.';
  if (!test) return 'The split test holds no record: give it a share, or compare on drawn scenes.';
  if (test < FEWEST) return `${plural(test, 'held-out record')} cannot tell two policies apart, whatever is answered: hold out ${FEWEST} or more, or compare on drawn scenes.`;
  return '';
}

export class Improve {
  #known = new Known();
  #found = null;
  #recipe = null;
  #readOnly = false;
  #seen = false;
  #timer = 0;

  constructor(say) {
    this.say = say;
    this.dialog = new WishDialog(() => this.refresh());
    this.counts = el('p', {});
    this.note = el('p', { class: 'pg-note', hidden: true });
    this.begin = button('Train a policy …', () => this.dialog.open(this.#found, this.#recipe), { class: 'st-primary cu-begin', 'data-key': 'improve' });
    this.rows = el('ul', { class: 'cu-improvements', 'aria-label': 'Policies from preferred records' });
    this.node = el(
      'section',
      { class: 'pg-card cu-improve', 'aria-label': 'From these records to a policy' },
      el('h3', { text: 'From these records to a policy' }),
      this.counts,
      this.note,
      this.begin,
      this.rows,
    );
  }

  /** `found` is the answer of a preview, `recipe` what was sent with its rule. */
  show(found, recipe) {
    this.#found = found;
    this.#recipe = recipe;
    const of = (name) => found.splits.find(({ split }) => split === name)?.records ?? 0;
    const numbers = { train: of('train'), test: of('test') };
    this.counts.textContent = `A policy learns from the split train, ${plural(numbers.train, 'record')}, and is then put beside the one before on the split test, ${plural(numbers.test, 'record')}.`;
    this.note.textContent = warning(numbers);
    this.note.hidden = !this.note.textContent;
    this.begin.disabled = !numbers.train;
    this.begin.hidden = this.#readOnly;
  }

  /** Whether the page is in sight: then what goes on is followed. */
  watch(seen) {
    this.#seen = seen;
    clearTimeout(this.#timer);
    if (seen) this.refresh();
  }

  async refresh() {
    clearTimeout(this.#timer);
    try {
      const list = await this.#known.ask(PATH);
      if (list) this.#draw(list);
    } catch {
      // The page says by itself that the server does not answer; it is asked again.
    }
    clearTimeout(this.#timer);
    if (this.#seen) this.#timer = setTimeout(() => this.refresh(), EVERY);
  }

  #draw({ improvements, read_only: readOnly }) {
    this.#readOnly = readOnly;
    this.begin.hidden = readOnly;
    const open = new Set([...this.rows.querySelectorAll('details[open]')].map((one) => one.closest('li').dataset.improvement));
    keepFocus(this.node, () => fill(this.rows, improvements.map((one) => improvementRow(one, (...asked) => this.#act(...asked)))));
    for (const row of this.rows.children) if (open.has(row.dataset.improvement)) row.querySelector('details')?.setAttribute('open', '');
    this.rows.hidden = !improvements.length;
  }

  async #act(method, id, part) {
    try {
      await sendJson(method, `${PATH}/${id}${part}`);
    } catch (error) {
      this.say(error.message);
    }
    await this.refresh();
  }
}
