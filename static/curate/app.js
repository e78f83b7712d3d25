/** Preferred traces: a rule as a form and as text, and at once what it takes. */
import { debounce, el, fill } from '../viewer/dom.js';
import { getJson, sendJson } from '../viewer/api.js';
import { whenInSight } from '../viewer/mounting.js';
import { plural } from '../viewer/words.js';
import { chosenStudy, chooseStudy } from '../studies/chosen.js';
import { failure, toaster } from '../studies/pieces.js';
import { Conditions } from './conditions.js';
import { Examples } from './examples.js';
import { Findings } from './findings.js';
import { Improve } from './improve.js';
import { RecipeForm } from './recipe.js';
import { ruleText } from './rule.js';

const WAIT = 150;
const LONGEST_NAME = 60;
const MAX_RULE = 10_000;

export class CurateApp {
  #studies = [];
  #study = null;
  #asking = null;
  #rules = new Map();
  #split = '';
  #built = false;
  #seen = false;

  constructor(root, host) {
    this.study = el('select', { class: 'sc-select cu-study', id: 'cu-study' });
    this.study.addEventListener('change', () => this.#pick(Number(this.study.value)));
    this.picker = el('div', { class: 'cu-picker' }, el('label', { for: 'cu-study', text: 'Study' }), this.study);
    this.head = el('header', { class: 'pg-head' }, el('div', {}, el('h2', { text: 'Preferred traces' }), el('p', { class: 'sc-quiet', text: 'A rule over people’s ratings chooses the traces to train on.' })), this.picker);
    this.main = el('div', { class: 'cu-main' });
    this.state = el('p', { class: 'sc-hidden', role: 'status' });
    root.append(el('div', { class: 'pg cu-app' }, this.head, this.main, this.state));
    this.say = toaster(root);
    this.preview = debounce(() => this.#preview(), WAIT);
    this.picker.hidden = true;
    this.stop = whenInSight(host, (seen) => this.#watch(seen));
  }

  destroy() {
    this.stop();
    this.preview.cancel();
    this.improve?.watch(false);
    this.#asking?.abort();
  }

  #watch(seen) {
    this.#seen = seen;
    this.improve?.watch(seen);
    if (seen) this.load();
  }

  /** Which studies have ratings; then what the rule takes now. */
  async load() {
    try {
      const { studies, split } = await getJson('api/curation');
      this.#studies = studies;
      this.#split ||= split;
    } catch (error) {
      if (!this.#built) fill(this.main, failure('The studies could not be loaded', error, () => this.load()));
      return;
    }
    if (!this.#studies.length) return this.#nothing();
    this.#build();
    const wanted = [chosenStudy(), this.#study, this.#studies[0].id].find((id) => this.#studies.some((one) => one.id === id));
    this.#drawStudies(wanted);
    if (wanted === this.#study) await this.#preview();
    else await this.#pick(wanted);
  }

  #drawStudies(chosen) {
    const words = (one) => `${one.name.length > LONGEST_NAME ? `${one.name.slice(0, LONGEST_NAME - 1)}…` : one.name} (${plural(one.ratings, 'rating')})`;
    fill(this.study, this.#studies.map((one) => el('option', { value: one.id, text: words(one), selected: one.id === chosen })));
    this.study.value = String(chosen);
    this.picker.hidden = false;
  }

  /** The form and the findings, made once: what a person has moved stays as it is. */
  #build() {
    if (this.#built) return;
    this.#built = true;
    this.conditions = new Conditions(() => this.#formMoved());
    this.recipe = new RecipeForm(() => this.#moved());
    this.recipe.split = this.#split;
    this.text = el('textarea', { class: 'st-input st-area cu-text', id: 'cu-text', rows: '3', spellcheck: 'false', autocomplete: 'off', autocapitalize: 'off', maxlength: String(MAX_RULE), 'aria-describedby': 'cu-wrong' });
    this.text.addEventListener('input', () => this.#moved());
    this.wrong = el('p', { class: 'st-error', id: 'cu-wrong', role: 'alert' });
    const rule = el(
      'section',
      { class: 'pg-card cu-rule', 'aria-label': 'Rule' },
      el('h3', {}, el('label', { for: 'cu-text', text: 'Rule' })),
      el('div', { class: 'st-field' }, this.text, this.wrong),
      this.conditions.node,
      this.recipe.node,
    );
    this.findings = new Findings(this.say);
    this.examples = new Examples();
    this.old = el('p', { class: 'pg-note', hidden: true, text: 'Below stands what the last rule that could be read takes.' });
    this.improve = new Improve(this.say);
    this.found = el('div', { class: 'cu-found' }, this.old, this.findings.node, this.improve.node, this.examples.node);
    this.found.hidden = true;
    fill(this.main, rule, this.found, this.improve.dialog.node);
    this.improve.watch(this.#seen);
  }

  #pick(id) {
    if (this.#study !== null) this.#rules.set(this.#study, this.text.value);
    this.#study = id;
    chooseStudy(id);
    this.#write(this.#rules.get(id) ?? this.#studies.find((one) => one.id === id).rule);
    this.found.hidden = true;
    return this.#preview();
  }

  #write(text) {
    if (this.text.value !== text) this.text.value = text;
  }

  #formMoved() {
    this.#write(ruleText(this.conditions.values));
    this.#moved();
  }

  /** Something was moved. An answer that is on its way is to what stood there before, and must not put it back. */
  #moved() {
    this.#asking?.abort();
    this.preview();
  }

  #busy(busy) {
    this.found.classList.toggle('is-busy', busy);
  }

  /** Asks the server what the rule takes. What stands there stays until the answer has come. */
  async #preview() {
    this.preview.cancel();
    this.#asking?.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    const sent = { rule: this.text.value, ...this.recipe.value };
    const slow = setTimeout(() => this.#busy(true), 300);
    try {
      const found = await sendJson('POST', `api/curation/${this.#study}/preview`, sent, signal);
      if (signal.aborted) return;
      this.#show(found, sent);
    } catch (error) {
      if (error.name === 'AbortError' || signal.aborted) return;
      this.#refused(error);
    } finally {
      clearTimeout(slow);
      if (!signal.aborted) this.#busy(false);
    }
  }

  #show(found, { corrections, split, seed }) {
    this.#wrongWords('');
    this.old.hidden = true;
    this.conditions.fit(found);
    const { activeElement } = this.text.getRootNode();
    if (activeElement === this.text || !this.conditions.node.contains(activeElement)) this.conditions.show(found.conditions);
    if (activeElement !== this.text) this.#write(found.canonical);
    this.findings.show(found, { corrections, split, seed });
    this.improve.show(found, { corrections, split, seed });
    this.examples.show(found);
    this.found.hidden = false;
    this.state.textContent = `${plural(found.counts.records, 'record')} of ${plural(found.counts.rated, 'rated trace')}`;
  }

  /** The rule cannot be read, or the server cannot answer: the words stand below the text, the last answer stays, and says so. */
  #refused(error) {
    this.#wrongWords(error.message);
    this.old.hidden = false;
  }

  #wrongWords(words) {
    if (this.wrong.textContent !== words) this.wrong.textContent = words;
    if (words) this.text.setAttribute('aria-invalid', 'true');
    else this.text.removeAttribute('aria-invalid');
  }

  #nothing() {
    this.picker.hidden = true;
    this.improve?.watch(false);
    this.#built = false;
    this.#study = null;
    fill(
      this.main,
      el(
        'section',
        { class: 'pg-empty' },
        el('h2', { text: 'Nothing is rated yet' }),
        el('p', { text: 'As soon as people have rated steps of a study, the traces that they prefer can be chosen here: by how accurate their steps are, how helpful, and whether the answer is right.' }),
        el('p', { class: 'sc-quiet', text: 'Make a study under Studies, then rate under Rate.' }),
      ),
    );
  }
}
