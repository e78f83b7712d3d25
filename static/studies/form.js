/** The settings of a study as a form: the usual things in sight, the others folded with what they are set to. */
import { button, debounce, el, fill } from '../viewer/dom.js';
import { sendJson } from '../viewer/api.js';
import { icon } from '../viewer/icons.js';
import { plural } from '../viewer/words.js';
import { check } from './check.js';
import { differences } from './differences.js';
import { Examples } from './examples.js';
import { Exchange } from './exchange.js';
import { check as tick, chips, field, fold, numberInput, select, showErrors, textArea, textInput } from './fields.js';
import { Questions } from './questions.js';
import { Specimen } from './specimen.js';
import { circleSize, ORDERS, STEP_CHOICES, UNITS } from './words.js';

const WAIT = 350;

export class SettingsForm {
  #events;
  #touched = false;
  #asking = null;

  /**
   * `given`: { settings, base, defaults, study } with the settings to begin with, those that are in force (null for a new study), the
   * answer of /api/studies/defaults, and the study (null for a new one).
   * `events`: save(name, settings), a promise that fails with a sentence; cancel().
   */
  constructor(given, events) {
    this.given = given;
    this.#events = events;
    this.settings = structuredClone(given.settings);
    this.name = given.name ?? '';
    this.preview = debounce(() => this.#preview(), WAIT);
    this.exchange = new Exchange({
      settings: () => this.settings,
      name: () => this.given.study?.name ?? this.name,
      model: () => this.given.defaults.settings,
      take: (settings) => this.#put(settings),
    });
    this.specimen = new Specimen();
    this.main = el('div', { class: 'st-form-main' });
    this.node = el('form', { class: 'st-form', novalidate: true, 'aria-label': given.study ? 'Settings' : 'New study' }, this.main, this.#aside(), this.exchange.node);
    this.node.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#save();
    });
    this.#draw();
    this.#changed(false);
  }

  destroy() {
    this.preview.cancel();
    this.#asking?.abort();
    this.specimen.destroy();
  }

  /** Whether there is anything that was not saved. */
  get dirty() {
    return this.given.base ? differences(this.given.base, this.settings).length > 0 : this.#touched;
  }

  #put(settings) {
    this.settings = settings;
    this.#draw();
    this.#changed();
  }

  #draw() {
    const { given, settings } = this;
    const changed = () => this.#changed();
    this.questions = new Questions(settings, changed);
    this.examples = new Examples(settings, changed);
    this.folds = {
      questions: fold('Questions', '', false, this.questions.node),
      circle: fold('Circle', '', false, this.#circle()),
      guide: fold('Instructions', '', false, this.#guide()),
      more: fold('Order, corrections, more', '', false, this.#more()),
    };
    const name = given.study ? null : field('name', 'Name', textInput(this.name, (value) => { this.name = value; this.#changed(); }, { maxlength: '500', 'data-key': 'name', placeholder: 'for example Pilot of March' }), { wide: true });
    fill(this.main, name ? el('section', { class: 'pg-card st-part' }, el('div', { class: 'st-grid' }, name)) : null, this.#which(), el('div', { class: 'pg-card st-folds' }, ...Object.values(this.folds).map(({ node }) => node)));
  }

  #which() {
    const { settings, given } = this;
    const { selection } = settings;
    const set = (name) => (value) => { selection[name] = value; this.#changed(); };
    const people = (value) => { settings.ratings_per_item = value; this.#changed(); };
    return el(
      'section',
      { class: 'pg-card st-part', 'aria-label': 'Which steps' },
      el('h3', { text: 'Which steps' }),
      el(
        'div',
        { class: 'st-grid is-numbers' },
        chips('Data sets', given.defaults.datasets, selection.datasets, set('datasets')),
        chips('Domains', given.defaults.domains, selection.domains, set('domains')),
        chips('Policies', given.defaults.policies, selection.policies, set('policies')),
        field('selection.traces', 'Traces', numberInput(selection.traces || null, set('traces'), { empty: 0, min: '0', step: '1', placeholder: 'all' })),
        field('selection.steps', 'Steps', select(selection.steps, STEP_CHOICES, set('steps'))),
        field('selection.steps_per_trace', 'Steps a trace', numberInput(selection.steps_per_trace || null, set('steps_per_trace'), { empty: 0, min: '0', step: '1', placeholder: 'all' })),
        field('selection.min_words', 'Fewest words', numberInput(selection.min_words, set('min_words'), { empty: 0, min: '0', step: '1' })),
        field('ratings_per_item', 'People a step', numberInput(settings.ratings_per_item, people, { min: '1', max: '100', step: '1' })),
      ),
      el('p', { class: 'st-hint', text: 'Only steps with a point inside the picture are asked, and each by as many different people. Traces and steps beyond a limit are left out by a draw.' }),
    );
  }

  #circle() {
    const { circle } = this.settings;
    const { settings } = this;
    const set = (name) => (value) => { circle[name] = value; this.#changed(); this.examples.draw(); };
    const words = textInput(circle.color, (value) => { well.value = /^#[0-9a-f]{6}$/i.test(value) ? value : well.value; set('color')(value); }, { class: 'st-input st-color-words' });
    const well = el('input', { type: 'color', class: 'st-color', value: circle.color, 'aria-label': 'Colour, to choose' });
    well.addEventListener('input', () => { words.value = well.value.toUpperCase(); set('color')(words.value); });
    return el(
      'div',
      { class: 'st-grid' },
      field('circle.diameter', 'Diameter', numberInput(circle.diameter, set('diameter'), { min: '0' })),
      field('circle.unit', 'Measured in', select(circle.unit, { pixels: 'pixels of the picture', 'percent of width': UNITS['percent of width'] }, set('unit'))),
      field('circle.color', 'Colour', words, { after: well }),
      field('replacement', 'In place of (x, y)', textInput(settings.replacement, (value) => { settings.replacement = value; this.#changed(); })),
    );
  }

  #guide() {
    const { settings } = this;
    const area = textArea(settings.instructions, (value) => { settings.instructions = value; this.#changed(); }, { rows: '9', spellcheck: 'true' });
    return el('div', { class: 'st-stack' }, field('instructions', 'What raters read first', area, { wide: true }), el('h4', { text: 'Worked examples' }), this.examples.node);
  }

  #more() {
    const { settings } = this;
    const set = (name) => (value) => { settings[name] = value; this.#changed(); };
    const reasons = (text) => set('skip_reasons')(text.split('\n').map((line) => line.trim()).filter(Boolean));
    return el(
      'div',
      { class: 'st-grid' },
      field('order', 'Order', select(settings.order, ORDERS, set('order')), { hint: 'Drawn anew for each rater.' }),
      field('lease_minutes', 'Minutes a step is kept', numberInput(settings.lease_minutes, set('lease_minutes'), { min: '0.01' }), { hint: 'For a rater who opened it and does nothing.' }),
      field('seed', 'Seed', numberInput(settings.seed, set('seed'), { step: '1' }), { hint: 'Of every draw: of traces, of steps, of the order.' }),
      el(
        'div',
        { class: 'st-field is-wide st-checks' },
        tick('Raters may correct the point or draw a box', settings.corrections, set('corrections')),
        tick('Raters mark the place themselves first', settings.own_point_first, set('own_point_first'), 'The model’s circle is shown after that.'),
        tick('Show the question that the model was asked', settings.show_question, set('show_question')),
      ),
      field('skip_reasons', 'Reasons for skipping, one a line', textArea(settings.skip_reasons.join('\n'), reasons, { rows: '3' }), { wide: true }),
    );
  }

  #aside() {
    const { study } = this.given;
    this.found = el('div', { class: 'st-found', 'aria-live': 'polite' });
    this.changes = el('div', { class: 'st-changes' });
    this.wrong = el('p', { class: 'st-error', role: 'alert', hidden: true });
    this.saver = el('button', { type: 'submit', class: 'sc-button st-primary', text: study ? `Save as version ${study.version + 1}` : 'Create the study' });
    const cancel = button(study ? 'Discard' : 'Cancel', () => this.#events.cancel(), { class: 'is-bare' });
    const json = button('JSON…', () => this.exchange.open(), { class: 'st-last', title: 'Export or import the settings', 'aria-haspopup': 'dialog' });
    const tools = el('div', { class: 'st-buttons' }, this.saver, cancel, json);
    return el('aside', { class: 'pg-card st-aside', 'aria-label': 'What it comes to' }, this.found, this.changes, tools, this.wrong, this.specimen.node);
  }

  #changed(touched = true) {
    this.#touched ||= touched;
    const { settings } = this;
    this.folds.questions.say(Questions.words(settings));
    this.folds.circle.say(`${circleSize(settings.circle)}, ${settings.circle.color}, “${settings.replacement}”`);
    this.folds.guide.say(`${plural(settings.instructions.trim().split(/\s+/u).filter(Boolean).length, 'word')}, ${plural(settings.examples.length, 'worked example')}`);
    this.folds.more.say([ORDERS[settings.order], settings.corrections ? 'corrections' : 'no corrections', settings.own_point_first ? 'own point first' : '', `seed ${settings.seed}`].filter(Boolean).join(' · '));
    this.#markErrors();
    this.specimen.show(settings);
    this.#sayChanges();
    this.preview();
  }

  #markErrors() {
    const found = check(this.settings);
    showErrors(this.main, found);
    const first = (start) => [...found.keys()].some((path) => start.some((one) => path.startsWith(one)));
    this.folds.questions.node.classList.toggle('is-wrong', first(['questions']));
    this.folds.circle.node.classList.toggle('is-wrong', first(['circle', 'replacement']));
    this.folds.guide.node.classList.toggle('is-wrong', first(['examples', 'instructions']));
    this.folds.more.node.classList.toggle('is-wrong', first(['lease', 'seed', 'order']));
    return found;
  }

  #sayChanges() {
    const { base, study, say } = this.given;
    if (!base) return;
    const list = differences(base, this.settings);
    const becomes = list.length ? say(this.settings) : {};
    this.saver.disabled = !list.length;
    fill(this.changes, list.length ? [el('p', { class: 'st-label', text: `Changed since version ${study.version}` }), el('ul', { class: 'st-bullets' }, ...list.slice(0, 8).map((text) => el('li', { text }))), becomes.words ? el('p', { class: `pg-note${becomes.apart ? '' : ' is-calm'}`, text: becomes.words }) : null] : el('p', { class: 'st-hint', text: `These are the settings of version ${study.version}.` }));
  }

  async #preview() {
    this.#asking?.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    try {
      this.specimen.look(this.settings.selection);
      const found = await sendJson('POST', 'api/studies/preview', { settings: this.settings }, signal);
      if (!signal.aborted) this.#sayFound(found);
    } catch (error) {
      if (error.name !== 'AbortError') fill(this.found, el('p', { class: 'st-error', text: error.message }));
    }
  }

  #sayFound(found) {
    const { head, time, none } = this.given.words(found, this.settings);
    fill(this.found, el('p', { class: 'st-found-head' }, none ? icon('warning') : null, head), time ? el('p', { class: 'sc-quiet', text: time }) : null);
  }

  async #save() {
    const found = this.#markErrors();
    if (!this.given.study && !this.name.trim()) found.set('name', 'Give the study a name.');
    showErrors(this.main, found);
    if (found.size) return this.#lead([...found.keys()][0], found);
    this.saver.disabled = true;
    this.#fail('');
    try {
      await this.#events.save(this.name.trim(), this.settings);
    } catch (error) {
      this.#fail(error.message);
      this.saver.disabled = false;
    }
    return undefined;
  }

  #fail(sentence) {
    this.wrong.textContent = sentence;
    this.wrong.hidden = !sentence;
  }

  /** Opens the part that holds a wrong field, and puts the cursor there. */
  #lead(path, found) {
    this.#fail(found.size === 1 ? found.get(path) : `${plural(found.size, 'field')} cannot be as they are: the first is ${found.get(path)}`);
    const node = this.main.querySelector(`[data-path="${CSS.escape(path)}"]`) ?? this.main.querySelector(`[data-path="${path}"]`);
    const part = node?.closest('details');
    if (part) part.open = true;
    node?.querySelector('input, select, textarea')?.focus();
  }
}
