/** The policies that can be asked: which one, how far its loading is, and room for one more. */
import { button, el, fill, keepFocus, uid } from '../viewer/dom.js';
import { getJson, sendJson } from '../viewer/api.js';
import { icon } from '../viewer/icons.js';
import { bar } from '../studies/pieces.js';

const SOON = 700;
const LATER = 8000;
const WORDS = { idle: 'not loaded yet', loading: 'loading', ready: 'ready', busy: 'busy', failed: 'failed' };
const KINDS = { local: 'this machine', server: 'server', scripted: 'program' };

export class Policies {
  list = [];
  mayAdd = false;
  /** The one that is asked where nobody chose. */
  first = '';
  /** True once the server has said which there are. */
  known = false;
  #chosen = '';
  #wished = '';
  #changed;
  #timer = 0;
  #seen = false;
  #name = uid('policy');
  #rows;
  #none;
  #wrong = el('p', { class: 'st-error', role: 'alert', hidden: true });
  #news = el('p', { class: 'sc-hidden', role: 'status' });
  #add;
  #field;

  /** `changed()` when another one is chosen, or when something has become of one; `help()` tells how a model is named. */
  constructor(changed, help) {
    this.#changed = changed;
    this.#none = el('p', { class: 'st-hint ak-none-at-hand', hidden: true }, 'No model is at hand. ', el('button', { type: 'button', class: 'sc-more', text: 'What to do', onclick: help, 'data-key': 'help' }));
    const title = uid('policies');
    this.#field = el('input', { class: 'st-input', type: 'text', autocomplete: 'off', spellcheck: 'false', autocapitalize: 'off', placeholder: 'Qwen/Qwen2.5-VL-3B-Instruct', 'aria-label': 'A policy by hub name, folder or server address', 'data-key': 'reference' });
    this.#field.addEventListener('keydown', (event) => event.key === 'Enter' && !event.ctrlKey && !event.metaKey && this.#addOne(event));
    this.#add = el(
      'details',
      { class: 'ak-add' },
      el('summary', {}, icon('right'), 'Add a policy'),
      el('div', { class: 'st-line' }, this.#field, button('Add', () => this.#addOne(), { 'data-key': 'add-policy' })),
      el('p', { class: 'st-hint', text: 'A hub name (organisation/model), a folder on this machine, or a server’s address with its model: http://localhost:8000/v1#model.' }),
    );
    this.#add.hidden = true;
    this.#rows = el('div', { class: 'ak-policies', role: 'radiogroup', 'aria-labelledby': title });
    this.node = el('div', { class: 'ak-block' }, el('p', { class: 'st-label', id: title, text: 'Policy' }), this.#rows, this.#none, this.#wrong, this.#news, this.#add);
  }

  /** The chosen policy; undefined as long as there is none. */
  get chosen() {
    return this.list.find((one) => one.reference === this.#chosen);
  }

  /** Those that ask a model: recordings are none. */
  get models() {
    return this.list.filter((one) => !one.recorded);
  }

  get recorded() {
    return this.list.find((one) => one.recorded);
  }

  choose(reference) {
    this.#wished = reference;
    if (!this.list.some((one) => one.reference === reference)) return;
    this.#chosen = reference;
    this.#draw();
    this.#changed();
  }

  /** While the page is in sight the list is kept up to date: often while something loads. */
  watch(seen) {
    this.#seen = seen;
    clearTimeout(this.#timer);
    if (seen) this.load();
  }

  async load() {
    clearTimeout(this.#timer);
    try {
      this.#take(await getJson('api/policies'));
      this.#say('');
    } catch (error) {
      if (!this.list.length) this.#say(error.message);
    }
    const wait = this.list.some((one) => one.state === 'loading') ? SOON : LATER;
    clearTimeout(this.#timer);
    if (this.#seen) this.#timer = setTimeout(() => this.load(), wait);
  }

  #take({ policies, may_add: mayAdd, default: first }) {
    const before = JSON.stringify([this.list, this.mayAdd]);
    this.list = policies;
    this.mayAdd = mayAdd;
    this.first = first;
    const news = !this.known;
    this.known = true;
    const there = (reference) => policies.some((one) => one.reference === reference);
    this.#chosen = [this.#chosen, this.#wished, first].find(there) ?? '';
    if (!news && before === JSON.stringify([policies, mayAdd])) return;
    this.#draw();
    this.#changed();
  }

  #say(sentence) {
    this.#wrong.hidden = !sentence;
    this.#wrong.textContent = sentence;
  }

  complain(sentence) {
    this.#say(sentence);
    (this.#rows.querySelector('input') ?? this.#field).focus();
  }

  #draw() {
    this.#add.hidden = !this.mayAdd;
    this.#none.hidden = !this.known || this.models.length > 0;
    const none = el('p', { class: 'st-hint', text: 'None yet.' });
    keepFocus(this.node, () => fill(this.#rows, this.list.length ? this.list.map((one) => this.#row(one)) : none));
  }

  #row(one) {
    const id = uid('policy');
    const radio = el('input', { type: 'radio', name: this.#name, id, class: 'ak-radio', 'data-key': `policy-${one.reference}`, onchange: () => this.choose(one.reference) });
    radio.checked = one.reference === this.#chosen;
    const kind = one.recorded ? 'recorded run' : one.shipped ? 'ships with Saccade' : KINDS[one.kind] ?? one.kind;
    const state = one.recorded ? 'no model is running' : WORDS[one.state] ?? one.state;
    const label = el(
      'label',
      { class: 'ak-policy-label', for: id },
      el('span', { class: 'ak-policy-name', dir: 'auto', text: one.name, title: [one.reference, one.about].filter(Boolean).join('\n') }),
      el('span', { class: `ak-policy-state is-${one.state}` }, el('span', { class: 'ak-dot', 'aria-hidden': 'true' }), `${kind} · ${state}`),
    );
    return el('div', { class: 'ak-policy', 'data-reference': one.reference, 'data-state': one.state }, radio, label, el('span', { class: 'ak-policy-ways' }, this.#act(one), this.#off(one)), ...this.#more(one));
  }

  /** One that was added can be taken off the list again; while it loads, that is stopped first. */
  #off(one) {
    if (!one.may_remove || one.state === 'loading') return null;
    const words = `Remove ${one.name} from the list`;
    return button(icon('close'), () => this.#removeOne(one), { class: 'ak-small is-bare', 'aria-label': words, title: words, 'data-key': `remove-${one.reference}` });
  }

  /** One thing can be done about a policy: load it, stop that, or try again. */
  #act(one) {
    if (one.state === 'loading') return button('Stop', () => this.#change('api/policies/stop', one.reference), { class: 'ak-small', 'aria-label': `Stop loading ${one.name}`, 'data-key': `load-${one.reference}` });
    if (one.recorded || !['idle', 'failed'].includes(one.state)) return null;
    const words = one.state === 'failed' ? 'Try again' : one.kind === 'server' ? 'Connect' : 'Load';
    return button(words, () => this.#loadOne(one), { class: 'ak-small', 'aria-label': `${words}: ${one.name}`, 'data-key': `load-${one.reference}` });
  }

  #more(one) {
    if (one.state === 'failed') return [el('p', { class: 'st-error', dir: 'auto', text: one.words })];
    if (one.state !== 'loading') return one.shipped ? [el('p', { class: 'st-hint ak-policy-note', text: 'Small: knows drawn scenes and nothing else.' })] : [];
    const known = typeof one.percent === 'number';
    const progress = known ? bar(one.percent, 100) : el('span', { class: 'pg-bar ak-endless', 'aria-hidden': 'true' });
    return [el('div', { class: 'ak-loading' }, progress, el('p', { class: 'st-hint', role: 'status', text: [known ? `${Math.round(one.percent)} %` : '', one.words].filter(Boolean).join(' · ') }))];
  }

  /** The chosen one is opened, so that it is there when it is asked. */
  getReady() {
    if (this.chosen?.state === 'idle') this.#change('api/policies/load', this.#chosen);
  }

  async #loadOne({ reference }) {
    this.choose(reference);
    await this.#change('api/policies/load', reference);
  }

  async #removeOne({ reference, name }) {
    if (!(await this.#change('api/policies', reference, 'DELETE'))) return;
    this.#news.textContent = `${name} is off the list.`;
    (this.#rows.querySelector('input:checked') ?? this.#field).focus();
  }

  async #addOne(event) {
    event?.preventDefault();
    const reference = this.#field.value.trim();
    if (!reference) return this.#field.focus();
    this.#wished = reference;
    if (!(await this.#change('api/policies', reference))) return undefined;
    this.#field.value = '';
    this.#add.open = false;
    return this.choose(reference);
  }

  /** True where the server did it. */
  async #change(path, reference, method = 'POST') {
    this.#news.textContent = '';
    try {
      this.#take(await sendJson(method, path, { reference }));
      this.#say('');
    } catch (error) {
      this.#say(error.message);
      return false;
    } finally {
      clearTimeout(this.#timer);
      if (this.#seen) this.#timer = setTimeout(() => this.load(), SOON);
    }
    return true;
  }
}
