/** A run that is taken up again with other values. */
import { sendJson } from '../viewer/api.js';
import { button, el, uid } from '../viewer/dom.js';
import { field, lines } from '../viewer/fields.js';
import { icon } from '../viewer/icons.js';

export class ResumeDialog {
  #done;
  #run = null;

  /** `done()`: the run was taken up. */
  constructor(done) {
    this.#done = done;
    this.changes = el('textarea', { class: 'st-input st-area', rows: '3', placeholder: 'at_once=16\nsave_every=25', spellcheck: 'false' });
    this.said = el('p', { class: 'st-words is-wrong', role: 'alert', hidden: true });
    this.go = button([icon('again'), 'Resume'], () => this.resume(), { class: 'st-primary', 'data-key': 'resume-with' });
    const title = uid('resume');
    this.node = el(
      'dialog',
      { class: 'sc-dialog tr-begin', 'aria-labelledby': title },
      el('header', { class: 'sc-dialog-head' }, el('h3', { id: title, text: 'Resume with other values' }), button(icon('close'), () => this.node.close(), { class: 'is-bare', 'aria-label': 'Close' })),
      el('div', { class: 'st-fields' }, field('Other values', this.changes, 'A line a value of the recipe, KEY=VALUE. Only what has no part in what is learnt may change, such as at_once, threads, log_every, save_every and sample_every.'), this.said),
      el('footer', { class: 'st-foot' }, el('p', { class: 'st-hint', text: 'It goes on from its last checkpoint.' }), el('div', { class: 'sc-group' }, this.go)),
    );
  }

  open(run) {
    if (run.id !== this.#run?.id) this.changes.value = '';
    this.#run = run;
    this.said.hidden = true;
    this.node.showModal();
    this.changes.focus();
  }

  async resume() {
    this.go.disabled = true;
    this.said.hidden = true;
    try {
      await sendJson('POST', `api/trainings/${this.#run.id}/resume`, { changes: lines(this.changes) });
      this.node.close();
      this.#done();
    } catch (error) {
      this.said.textContent = error.message;
      this.said.hidden = false;
    } finally {
      this.go.disabled = false;
    }
  }
}
