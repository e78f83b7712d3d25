/** A new run: what it learns from and as what, tried out before it begins. */
import { getJson } from '../viewer/api.js';
import { button, el, fill, uid } from '../viewer/dom.js';
import { field, input, lines } from '../viewer/fields.js';
import { icon } from '../viewer/icons.js';
import { Rehearsal } from '../viewer/rehearsal.js';

const OWN = '';

export class BeginDialog {
  #ready = false;

  /** `begun(run)`: a run has begun. */
  constructor(begun) {
    this.trial = new Rehearsal(
      { dry: 'Dry run', key: 'dry', said: 'What the dry run said', trying: 'The data, the template and the first batch are being tried …', hint: 'After a dry run of these very values' },
      {
        path: (part) => `api/trainings${part}`,
        wish: () => this.#wish,
        // A run's name has no part in what was tried out.
        key: () => JSON.stringify({ ...this.#wish, name: '' }),
        ready: () => this.#ready,
        begun: ({ run }) => {
          this.node.close();
          begun(run);
        },
      },
    );
    this.recipe = el('select', { class: 'sc-select st-select', 'data-key': 'recipe' });
    this.file = input('/home/me/recipe.yaml');
    this.name = input('as the recipe is called');
    this.model = input('the recipe’s');
    this.records = input('the recipe’s');
    this.pictures = input('pictures, beside the records');
    this.changes = el('textarea', { class: 'st-input st-area', rows: '3', placeholder: 'steps=100\nlearning_rate=1e-5', spellcheck: 'false' });
    this.own = field('YAML file on this machine', this.file);
    const title = uid('begin');
    this.node = el('dialog', { class: 'sc-dialog tr-begin', 'aria-labelledby': title }, this.#head(title), this.#fields(), this.#foot());
    this.node.addEventListener('input', () => this.#changed());
    this.node.addEventListener('close', () => this.trial.leave());
  }

  #head(title) {
    return el('header', { class: 'sc-dialog-head' }, el('h3', { id: title, text: 'Begin a run' }), button(icon('close'), () => this.node.close(), { class: 'is-bare', 'aria-label': 'Close' }));
  }

  #fields() {
    const half = (...nodes) => el('div', { class: 'st-half' }, ...nodes);
    return el(
      'div',
      { class: 'st-fields' },
      field('Recipe', this.recipe), this.own,
      half(field('Name of the run', this.name), field('Begins with', this.model, 'A hub name or a folder. What is not on this machine is downloaded.')),
      half(field('Records', this.records, 'A file of curated records on this machine.'), field('Pictures', this.pictures, 'Their folder.')),
      field('Other values', this.changes, 'A line a value of the recipe, KEY=VALUE.'),
      this.trial.said,
    );
  }

  #foot() {
    return el('footer', { class: 'st-foot' }, el('p', { class: 'st-hint', text: 'A run is a process of its own: it goes on when this page is closed and when the program ends.' }), this.trial.node);
  }

  async open() {
    this.node.showModal();
    this.#changed();
    if (this.recipe.length > 1) return;
    let recipes = [];
    try {
      ({ recipes } = await getJson('api/trainings/recipes'));
    } catch (error) {
      // One of one's own can be taken all the same.
      this.trial.say(error.message, true);
    }
    fill(this.recipe, recipes.map(({ name, title }) => el('option', { value: name, text: `${name} – ${title}` })), el('option', { value: OWN, text: 'A recipe of your own …' }));
    this.#ready = true;
    this.#changed();
  }

  get #wish() {
    const values = Object.fromEntries(['name', 'model', 'records', 'pictures'].map((name) => [name, this[name].value.trim()]));
    return { recipe: this.recipe.value || this.file.value.trim(), ...values, changes: lines(this.changes) };
  }

  #changed() {
    const own = this.#ready && this.recipe.value === OWN;
    this.own.hidden = !own;
    this.trial.changed();
  }
}
