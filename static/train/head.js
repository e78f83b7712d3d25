/** Above a run: its name, how it stands, how far it is. */
import { el, fill, keepFocus } from '../viewer/dom.js';
import { bar } from '../studies/pieces.js';
import { stateTag } from './list.js';
import { since, stepWords } from './words.js';

export class Head {
  #act;
  #drawn = '';

  /** `act`: what can be done with a run, a list of nodes for it. */
  constructor(act = () => []) {
    this.#act = act;
    this.title = el('h2', { class: 'pg-title', dir: 'auto' });
    this.state = el('span', {});
    this.words = el('p', { class: 'tr-head-words' });
    this.note = el('p', { class: 'pg-note' });
    this.bar = el('div', {});
    this.tools = el('div', { class: 'sc-group tr-tools' });
    this.node = el('header', { class: 'tr-head', 'aria-label': 'The run' }, el('div', { class: 'tr-head-line' }, this.title, this.state, el('span', { class: 'sc-spring' }), this.tools), this.words, this.bar, this.note);
  }

  show(run) {
    this.title.textContent = run.name;
    fill(this.state, stateTag(run));
    const heard = run.going && run.heard !== null ? `last word ${since(run.heard)}` : '';
    const begun = run.begun === null ? '' : `begun ${since(run.begun)}`;
    this.words.textContent = [run.title, run.kind_words, stepWords(run), run.left, run.host && run.going ? `on ${run.host}` : '', begun, heard].filter(Boolean).join(' · ');
    fill(this.bar, run.steps ? bar(run.step ?? 0, run.steps) : null);
    this.note.textContent = run.words;
    this.note.hidden = !run.words;
    this.note.classList.toggle('is-calm', run.going && run.state !== 'silent');
    const key = JSON.stringify([run.id, run.state, run.stopping, run.can_stop, run.can_resume, run.can_forget]);
    if (key === this.#drawn) return;
    this.#drawn = key;
    keepFocus(this.node, () => fill(this.tools, this.#act(run)));
  }
}
