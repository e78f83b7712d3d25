/** Saving the traces of a run to a study: which one, and how many steps it asks then. */
import { button, el, fill, uid } from '../viewer/dom.js';
import { getJson, sendJson } from '../viewer/api.js';
import { icon } from '../viewer/icons.js';
import { plural } from '../viewer/words.js';
import { chosenStudy, chooseStudy } from '../studies/chosen.js';

export class StudyDialog {
  #run = '';
  #body = el('div', { class: 'ak-study' });
  #told;

  /** `told(words)` says at the foot of the page what has been done. */
  constructor(told) {
    this.#told = told;
    const close = button(icon('close'), () => this.node.close(), { class: 'is-bare', 'aria-label': 'Close' });
    this.node = el('dialog', { class: 'sc-dialog ak-study-dialog', 'aria-label': 'Save to a study' }, el('header', { class: 'sc-dialog-head' }, el('h3', { text: 'Save to a study' }), close), this.#body);
    this.node.addEventListener('click', (event) => event.target === this.node && this.node.close());
  }

  async open(run, traces) {
    this.#run = run;
    fill(this.#body, el('p', { class: 'sc-quiet', text: 'Looking for the studies…' }));
    this.node.showModal();
    try {
      const { studies } = await getJson('api/studies');
      this.#draw(studies.filter((one) => !one.closed), traces);
    } catch (error) {
      fill(this.#body, el('p', { class: 'st-error', role: 'alert', text: error.message }));
    }
  }

  #draw(studies, traces) {
    if (!studies.length) {
      fill(this.#body, el('p', { text: 'There is no open study yet: make one in Studies, then come back here.' }));
      return;
    }
    const id = uid('study');
    const chosen = studies.find((one) => one.id === chosenStudy()) ?? studies[0];
    const list = el('select', { class: 'sc-select st-select', id }, ...studies.map((one) => el('option', { value: one.id, text: `${one.name} (${plural(one.items, 'step')})`, selected: one === chosen })));
    const wrong = el('p', { class: 'st-error', role: 'alert' });
    const save = button('Save', () => this.#save(studies.find((one) => String(one.id) === list.value), save, wrong), { class: 'st-primary' });
    fill(
      this.#body,
      el('p', { text: `${plural(traces, 'trace')} of this run ${traces === 1 ? 'is' : 'are'} put to the study: its raters are then asked about ${traces === 1 ? 'its' : 'their'} steps.` }),
      el('div', { class: 'st-field' }, el('label', { class: 'st-label', for: id, text: 'Study' }), list),
      wrong,
      el('div', { class: 'ak-study-foot' }, save),
    );
    list.focus();
  }

  async #save(study, save, wrong) {
    save.disabled = true;
    wrong.textContent = '';
    try {
      const { words } = await sendJson('POST', `api/runs/${encodeURIComponent(this.#run)}/study`, { study: study.id });
      chooseStudy(study.id);
      this.node.close();
      this.#told(words);
    } catch (error) {
      wrong.textContent = error.message;
    } finally {
      save.disabled = false;
    }
  }
}
