/** A new run: what it learns from and as what, tried out before it begins. */
import { button, el, fill, uid } from '../viewer/dom.js';
import { getJson, sendJson } from '../viewer/api.js';
import { icon } from '../viewer/icons.js';

const OWN = '';

/** A labelled control, with a hint below it. */
export function field(label, control, hint = '') {
  const id = uid('train');
  control.id = id;
  const told = hint ? el('p', { class: 'st-hint', id: `${id}-hint`, text: hint }) : null;
  if (told) control.setAttribute('aria-describedby', told.id);
  return el('div', { class: 'st-field' }, el('label', { class: 'st-label', for: id, text: label }), control, told);
}

/** What stands in a text area, line by line. */
export function lines(area) {
  return area.value.split('\n').map((one) => one.trim()).filter(Boolean);
}

function input(placeholder) {
  return el('input', { class: 'st-input', type: 'text', placeholder, autocomplete: 'off', spellcheck: 'false', maxlength: '2000' });
}

export class BeginDialog {
  #begun;
  #ready = false;
  #tried = '';
  #busy = null;

  /** `begun(id)`: a run has begun. */
  constructor(begun) {
    this.#begun = begun;
    this.recipe = el('select', { class: 'sc-select st-select', 'data-key': 'recipe' });
    this.file = input('/home/me/recipe.yaml');
    this.name = input('as the recipe is called');
    this.model = input('the recipe’s');
    this.records = input('the recipe’s');
    this.pictures = input('pictures, beside the records');
    this.changes = el('textarea', { class: 'st-input st-area', rows: '3', placeholder: 'steps=100\nlearning_rate=1e-5', spellcheck: 'false' });
    this.own = field('YAML file on this machine', this.file);
    this.said = el('div', { class: 'tr-said', role: 'status' });
    this.dry = button('Dry run', () => this.rehearse(), { 'data-key': 'dry' });
    this.begin = button('Begin', () => this.start(), { class: 'st-primary', 'data-key': 'start' });
    const title = uid('begin');
    this.node = el('dialog', { class: 'sc-dialog tr-begin', 'aria-labelledby': title }, this.#head(title), this.#fields(), this.#foot());
    this.node.addEventListener('input', () => this.#changed());
    this.node.addEventListener('close', () => this.#busy?.abort());
  }

  #head(title) {
    return el('header', { class: 'sc-dialog-head' }, el('h3', { id: title, text: 'Begin a run' }), button(icon('close'), () => this.node.close(), { class: 'is-bare', 'aria-label': 'Close' }));
  }

  #fields() {
    const half = (...nodes) => el('div', { class: 'tr-half' }, ...nodes);
    return el(
      'div',
      { class: 'tr-fields' },
      field('Recipe', this.recipe), this.own,
      half(field('Name of the run', this.name), field('Begins with', this.model, 'A hub name or a folder. What is not on this machine is downloaded.')),
      half(field('Records', this.records, 'A file of curated records on this machine.'), field('Pictures', this.pictures, 'Their folder.')),
      field('Other values', this.changes, 'A line a value of the recipe, KEY=VALUE.'),
      this.said,
    );
  }

  #foot() {
    return el('footer', { class: 'tr-begin-foot' }, el('p', { class: 'st-hint', text: 'A run is a process of its own: it goes on when this page is closed and when the program ends.' }), el('div', { class: 'sc-group' }, this.dry, this.begin));
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
      this.#say(error.message, true);
    }
    fill(this.recipe, recipes.map(({ name, title }) => el('option', { value: name, text: `${name} – ${title}` })), el('option', { value: OWN, text: 'A recipe of your own …' }));
    this.#ready = true;
    this.#changed();
  }

  get #wish() {
    const values = Object.fromEntries(['name', 'model', 'records', 'pictures'].map((name) => [name, this[name].value.trim()]));
    return { recipe: this.recipe.value || this.file.value.trim(), ...values, changes: lines(this.changes) };
  }

  /** What was tried out is what may begin; a run's name has no part in it. */
  get #key() {
    return JSON.stringify({ ...this.#wish, name: '' });
  }

  #changed() {
    const own = this.#ready && this.recipe.value === OWN;
    this.own.hidden = !own;
    this.dry.disabled = !this.#ready || Boolean(this.#busy);
    this.begin.disabled = this.#tried !== this.#key || Boolean(this.#busy);
    this.begin.title = this.begin.disabled ? 'After a dry run of these very values' : '';
  }

  #say(words, wrong = false, command = '') {
    fill(this.said, words ? el('pre', { class: wrong ? 'tr-text is-wrong' : 'tr-text', tabindex: '0', role: 'region', 'aria-label': 'What the dry run said', text: words }) : [], command ? el('p', { class: 'st-hint' }, 'The same by hand: ', el('code', { class: 'tr-command', text: command })) : []);
  }

  async #send(path, words) {
    this.#busy = new AbortController();
    this.#changed();
    this.#say(words);
    try {
      return await sendJson('POST', path, this.#wish, this.#busy.signal);
    } catch (error) {
      if (error.name !== 'AbortError') this.#say(error.message, true);
      return null;
    } finally {
      this.#busy = null;
      this.#changed();
    }
  }

  async rehearse() {
    const key = this.#key;
    const found = await this.#send('api/trainings/rehearse', 'The data, the template and the first batch are being tried …');
    if (!found) return;
    this.#tried = found.ok ? key : '';
    this.#say(found.words, !found.ok, found.command);
    this.#changed();
    if (found.ok && !this.begin.disabled) this.begin.focus();
  }

  async start() {
    const found = await this.#send('api/trainings', 'It begins …');
    if (!found) return;
    this.#tried = '';
    this.#say('');
    this.node.close();
    this.#begun(found.run);
  }
}
