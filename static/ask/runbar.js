/** The line over the picture: how the run stands in words, and what can be done with it. */
import { button, el, fill, keepFocus } from '../viewer/dom.js';
import { icon } from '../viewer/icons.js';
import { Menu } from '../viewer/menu.js';
import { inspectAddress } from './address.js';
import { stopButton } from './form.js';
import { figures, isOver, keptWords, stateWord } from './words.js';

export class RunBar {
  #state = el('strong', { class: 'ak-run-state' });
  #words = el('span', { class: 'ak-run-words' });
  #recorded = el('span', { class: 'pg-tag is-warn', text: 'recorded run: no model is running', hidden: true });
  #lost = el('p', { class: 'ak-lost', role: 'status' });
  #bar = el('span', { class: 'pg-bar-fill' });
  #track = el('span', { class: 'pg-bar ak-run-bar', 'aria-hidden': 'true' }, this.#bar);
  #tools = el('div', { class: 'sc-group ak-run-tools' });
  #act;
  #again;
  #drawn = '';

  /** `act`: stop(), again(seed), study(), form() */
  constructor(act) {
    this.#act = act;
    this.form = button([icon('list'), 'Question'], () => act.form(), { class: 'ak-open-form', 'aria-expanded': 'false', 'data-key': 'form' });
    this.stop = stopButton(() => act.stop());
    this.#again = new Menu([icon('again'), 'Ask again'], 'Ask again', () => [
      { label: 'With the next seed', note: 'other draws of the same question', run: () => act.again('next') },
      { label: 'With the same seed', note: 'a model gives the same answers', run: () => act.again('same') },
    ]);
    this.node = el(
      'header',
      { class: 'ak-run', 'aria-label': 'The run' },
      el('div', { class: 'ak-run-line' }, this.form, el('p', { class: 'ak-run-told' }, this.#state, ' ', this.#words), this.#recorded, this.#tools),
      this.#lost, this.#track,
    );
  }

  /** `summary`: how the run stands, null before there is one; `progress`: of the draw in view, or of what is waited for, in words. */
  show(summary, progress = '') {
    this.node.dataset.state = summary?.state ?? 'none';
    this.#recorded.hidden = !summary?.recorded;
    this.#track.hidden = !summary;
    this.#state.textContent = summary ? stateWord(summary.state) : 'Nothing is asked yet';
    this.#words.textContent = summary ? this.#told(summary, progress) : '';
    const over = summary && isOver(summary.state);
    this.#track.classList.toggle('ak-endless', Boolean(summary) && !over && !summary.ended);
    this.#bar.style.width = summary ? `${over ? 100 : (100 * summary.ended) / Math.max(1, summary.samples)}%` : '0';
    this.#drawTools(summary, over);
  }

  #told(summary, progress) {
    const { state, words, error } = summary;
    if (state === 'failed' && error) return error;
    if (state === 'running') return [progress, ...figures(summary)].filter(Boolean).join(' · ');
    if (!isOver(state)) return [progress, words].filter(Boolean).join(' · ');
    return [error, keptWords(summary), ...figures(summary)].filter(Boolean).join(' · ');
  }

  #drawTools(summary, over) {
    const stored = summary?.traces ?? [];
    const key = JSON.stringify([Boolean(summary), over, stored.length ? stored[0] : null, stored.length]);
    if (key === this.#drawn) return;
    this.#drawn = key;
    keepFocus(this.node, () => fill(this.#tools, this.#toolsFor(summary, over, stored)));
  }

  #toolsFor(summary, over, stored) {
    if (!summary) return [];
    if (!over) return [this.stop];
    const inspect = summary.samples === 1 && stored.length ? el('a', { class: 'sc-button', href: inspectAddress(stored[0]), 'data-key': 'inspect', text: 'Open in Inspect' }) : null;
    const study = stored.length ? button('Save to a study', () => this.#act.study(), { 'data-key': 'study' }) : null;
    return [inspect, study, this.#again.node].filter(Boolean);
  }

  lost(words) {
    if (this.#lost.textContent !== words) this.#lost.textContent = words;
  }
}
