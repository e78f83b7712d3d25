/** Settings as JSON: copied, downloaded, pasted or opened from a file, so that a study can be repeated elsewhere. */
import { button, el, fill, uid } from '../viewer/dom.js';
import { icon } from '../viewer/icons.js';

const LARGEST = 4_000_000;

/** The settings that a text holds. `model` are settings as the server knows them. Throws Error with a sentence for the person. */
export function readSettings(text, model) {
  let found;
  try {
    found = JSON.parse(text);
  } catch (error) {
    throw new Error(`This is no JSON: ${error.message}.`, { cause: error });
  }
  // A file may hold the settings alone, or a study with its settings.
  const settings = found?.settings ?? found;
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings)) throw new Error('This JSON holds no settings: they are an object with names such as questions and circle.');
  const unknown = Object.keys(settings).filter((name) => !(name in model));
  if (unknown.length) throw new Error(`These are no settings of a study: ${unknown.slice(0, 3).join(', ')} is not known here.`);
  const whole = structuredClone(model);
  for (const [name, value] of Object.entries(settings)) {
    const plain = typeof whole[name] === 'object' && !Array.isArray(whole[name]);
    if (Array.isArray(whole[name]) !== Array.isArray(value) || typeof whole[name] !== typeof value) throw new Error(`These are no settings of a study: ${name} is of another kind.`);
    whole[name] = plain ? { ...whole[name], ...value } : value;
  }
  return whole;
}

export class Exchange {
  #events;
  #text;

  /** `events`: settings() gives what is exported, name() the study's, model() what is known; take(settings) puts settings into the form. */
  constructor(events) {
    this.#events = events;
    const id = uid('json');
    this.#text = el('textarea', { class: 'st-input st-json', id, rows: '16', spellcheck: 'false', autocomplete: 'off' });
    this.said = el('p', { class: 'st-error', role: 'alert', hidden: true });
    this.told = el('p', { class: 'sc-quiet', role: 'status' });
    const file = el('input', { type: 'file', accept: '.json,application/json', class: 'sc-hidden', tabindex: '-1', 'aria-label': 'A file of settings' });
    file.addEventListener('change', () => this.#open(file));
    const close = button(icon('close'), () => this.node.close(), { class: 'is-bare', 'aria-label': 'Close' });
    const tools = el(
      'div',
      { class: 'st-buttons' },
      button('Copy', () => this.#copy()),
      button([icon('save'), 'Download'], () => this.#download()),
      button('Open a file…', () => file.click()),
      file,
      el('span', { class: 'st-spring' }),
      button('Put into the form', () => this.#take(), { class: 'st-primary' }),
    );
    const words = el('p', { class: 'sc-quiet', text: 'All settings, without the ratings. Copy or download them to repeat the study elsewhere; or paste or open others and put them into the form.' });
    this.node = el('dialog', { class: 'sc-dialog st-exchange', 'aria-label': 'Settings as JSON' }, el('header', { class: 'sc-dialog-head' }, el('h3', { text: 'Settings as JSON' }), close));
    this.node.append(el('div', { class: 'st-exchange-body' }, words, el('label', { class: 'sc-hidden', for: id, text: 'Settings as JSON' }), this.#text, this.said, this.told, tools));
    this.node.addEventListener('click', (event) => event.target === this.node && this.node.close());
  }

  open() {
    this.#text.value = JSON.stringify(this.#events.settings(), null, 2);
    this.#tell('');
    this.node.showModal();
    this.#text.focus();
    this.#text.setSelectionRange(0, 0);
    this.#text.scrollTop = 0;
  }

  #tell(words, wrong = '') {
    fill(this.told, words);
    this.said.textContent = wrong;
    this.said.hidden = !wrong;
  }

  async #copy() {
    try {
      await navigator.clipboard.writeText(this.#text.value);
      this.#tell('Copied.');
    } catch {
      this.#text.select();
      this.#tell('The browser does not let this page copy: the text is marked, so press Ctrl C.');
    }
  }

  #download() {
    const name = this.#events.name().replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-+|-+$/gu, '').slice(0, 60);
    const href = URL.createObjectURL(new Blob([this.#text.value], { type: 'application/json' }));
    el('a', { href, download: `${name || 'study'}-settings.json` }).click();
    setTimeout(() => URL.revokeObjectURL(href), 10_000);
    this.#tell('Downloaded.');
  }

  async #open(file) {
    const [chosen] = file.files;
    file.value = '';
    if (!chosen) return;
    if (chosen.size > LARGEST) return this.#tell('', `${chosen.name} has ${Math.round(chosen.size / 1e6)} MB: that is too large for settings.`);
    this.#text.value = await chosen.text();
    this.#tell(`${chosen.name} is opened; put it into the form to use it.`);
  }

  #take() {
    try {
      this.#events.take(readSettings(this.#text.value, this.#events.model()));
    } catch (error) {
      return this.#tell('', error.message);
    }
    this.node.close();
  }
}
