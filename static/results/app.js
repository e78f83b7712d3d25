/** The results of a study: chosen above, kept up to date while they are in sight. */
import { button, el, fill, keepFocus } from '../viewer/dom.js';
import { getJson } from '../viewer/api.js';
import { icon } from '../viewer/icons.js';
import { whenInSight } from '../viewer/mounting.js';
import { plural } from '../viewer/words.js';
import { chosenStudy, chooseStudy } from '../studies/chosen.js';
import { failure } from '../studies/pieces.js';
import { clock } from '../studies/words.js';
import { fetchResults, resultsAddress } from './asking.js';
import { Report } from './report.js';

const EVERY = 10_000;

export class ResultsApp {
  #studies = null;
  #study = chosenStudy();
  #version = '';
  #seed = 0;
  #etag = '';
  #document = null;
  #asking = null;
  #timer = 0;
  #seen = false;

  constructor(root, host) {
    this.study = el('select', { class: 'sc-select rs-select', 'data-key': 'study' });
    this.study.addEventListener('change', () => this.#pick({ study: Number(this.study.value), version: '' }));
    this.version = el('select', { class: 'sc-select', 'data-key': 'version' });
    this.version.addEventListener('change', () => this.#pick({ version: this.version.value }));
    this.seed = el('input', { class: 'sc-page', type: 'number', min: '0', step: '1', value: '0', 'data-key': 'seed', title: 'Seed of the resampling: the same seed gives the same intervals' });
    this.seed.addEventListener('change', () => this.#pick({ seed: Math.max(0, Math.round(Number(this.seed.value)) || 0) }));
    this.state = el('p', { class: 'rs-state', role: 'status' });
    this.again = button('Refresh', () => this.load({ anew: true }), { 'data-key': 'refresh' });
    const labelled = (text, control) => el('label', { class: 'rs-choice' }, el('span', { text }), control);
    this.bar = el('header', { class: 'rs-bar' }, el('h2', { text: 'Results' }), labelled('Study', this.study), labelled('Guideline', this.version), labelled('Seed', this.seed), el('span', { class: 'st-spring' }), el('span', { class: 'rs-now' }, this.state, this.again));
    this.main = el('div', { class: 'rs-main' });
    this.report = new Report(root, (table, kind) => resultsAddress(this.#wish, `/tables/${table}.${kind}`));
    root.append(el('div', { class: 'pg rs-app' }, this.bar, this.main));
    this.#nothing('');
    this.stop = whenInSight(host, (seen) => this.#sight(seen));
  }

  destroy() {
    this.stop();
    this.#sight(false);
    this.report.destroy();
  }

  get #wish() {
    return { study: this.#study, version: this.#version, seed: this.#seed };
  }

  #sight(seen) {
    this.#seen = seen;
    clearInterval(this.#timer);
    if (!seen) return this.#asking?.abort();
    const other = chosenStudy();
    if (other && other !== this.#study) Object.assign(this, this.#forget({ study: other, version: '' }));
    this.#timer = setInterval(() => this.load(), EVERY);
    return this.#begin();
  }

  /** What is kept belongs to one wish: for another one it is asked from the start. */
  #forget({ study = this.#study, version = this.#version, seed = this.#seed }) {
    this.#study = study;
    this.#version = version;
    this.#seed = seed;
    this.#etag = '';
    return {};
  }

  #pick(change) {
    this.#forget(change);
    if (change.study) {
      chooseStudy(change.study);
      this.bar.scrollIntoView({ block: 'nearest' });
      this.main.scrollTop = 0;
    }
    return this.load();
  }

  async #begin() {
    try {
      this.#studies = (await getJson('api/studies')).studies;
    } catch (error) {
      if (!this.#document) fill(this.main, failure('The studies could not be loaded', error, () => this.#begin()));
      return;
    }
    if (!this.#studies.some((one) => one.id === this.#study)) this.#forget({ study: this.#studies[0]?.id ?? null, version: '' });
    this.#drawChoices();
    if (this.#study === null) this.#nothing('No study yet', 'Make one under Studies, and let people rate its steps: the results then stand here.');
    else await this.load();
  }

  #drawChoices() {
    const options = (this.#studies ?? []).map((one) => el('option', { value: one.id, text: one.name.length > 60 ? `${one.name.slice(0, 59)}…` : one.name, selected: one.id === this.#study }));
    const newest = this.#document?.study.id === this.#study ? this.#document.study.newest : (this.#studies?.find((one) => one.id === this.#study)?.version ?? 0);
    const versions = Array.from({ length: newest }, (_, k) => String(k + 1));
    keepFocus(this.bar, () => {
      fill(this.study, options);
      fill(this.version, el('option', { value: '', text: 'all that ask the same', selected: this.#version === '' }), versions.map((one) => el('option', { value: one, text: `only version ${one}`, selected: one === this.#version })));
    });
    this.bar.classList.toggle('is-none', !options.length);
  }

  /** Asks whether anything has changed, and shows it. `anew`: a person asked. */
  async load({ anew = false } = {}) {
    if (this.#study === null) return anew ? this.#begin() : undefined;
    this.#asking?.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    const slow = setTimeout(() => this.main.classList.add('is-busy'), 300);
    try {
      const found = await fetchResults(this.#wish, this.#etag, signal);
      if (!signal.aborted) this.#show(found);
    } catch (error) {
      if (!signal.aborted) this.#failed(error, anew);
    } finally {
      clearTimeout(slow);
      if (!signal.aborted) this.main.classList.remove('is-busy');
    }
    return undefined;
  }

  #show({ document, etag }) {
    if (document) {
      this.#document = document;
      this.#etag = etag;
      this.#drawChoices();
      keepFocus(this.main, () => this.report.show(document));
    }
    if (this.main.firstElementChild !== this.report.node) fill(this.main, this.report.node);
    this.#say(`as of ${clock(new Date())}, ${plural(this.#document.counts.ratings, 'rating')}`);
  }

  #failed(error, anew) {
    // What is on the screen stays, and says how old it is: the time of the last look is still there.
    if (this.#etag && !anew) return this.#say(`${this.state.dataset.words ?? ''}; not reached since`, true);
    this.#etag = '';
    this.#say('');
    return fill(this.main, failure('The results could not be made', error, () => this.load({ anew: true })));
  }

  #say(words, old = false) {
    if (!old) this.state.dataset.words = words;
    this.state.classList.toggle('is-old', old);
    fill(this.state, words ? [old ? icon('warning') : null, words] : []);
  }

  #nothing(title, words = '') {
    fill(this.main, title ? el('section', { class: 'pg-empty' }, el('h2', { text: title }), el('p', { text: words })) : el('p', { class: 'rs-wait sc-quiet', text: 'The results are being made …' }));
  }
}
