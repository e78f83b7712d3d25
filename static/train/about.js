/** What a run was asked for, on what it runs, and what its process said. */
import { el, fill } from '../viewer/dom.js';
import { getJson } from '../viewer/api.js';
import { failure } from '../studies/pieces.js';

function text(title, words) {
  return words ? el('section', { class: 'pg-card' }, el('h3', { text: title }), el('pre', { class: 'st-words', tabindex: '0', role: 'region', 'aria-label': title, dir: 'auto', text: words })) : null;
}

export class About {
  #run = '';

  constructor() {
    this.node = el('div', { class: 'tr-about' });
  }

  async show(run) {
    if (run !== this.#run) fill(this.node);
    this.#run = run;
    try {
      const { facts, recipe, output } = await getJson(`api/trainings/${run}/about`);
      if (run !== this.#run) return;
      const rows = facts.flatMap(({ title, text: words }) => [el('dt', { text: title }), el('dd', { dir: 'auto', text: words })]);
      fill(this.node, el('section', { class: 'pg-card' }, el('h3', { text: 'This run' }), el('dl', { class: 'pg-facts' }, ...rows)), text('What its process said', output), text('Recipe', recipe));
    } catch (error) {
      if (run === this.#run) fill(this.node, failure('This could not be loaded', error, () => this.show(run)));
    }
  }
}
