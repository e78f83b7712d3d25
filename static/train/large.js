/** One rollout large, with its path on the picture, its looks and its words; the others a key away. */
import { button, el } from '../viewer/dom.js';
import { icon } from '../viewer/icons.js';
import { LookDialog } from '../viewer/lookdialog.js';
import { Pane } from '../viewer/pane.js';
import { score } from '../viewer/words.js';

export class Large {
  #all = [];
  #at = 0;

  constructor() {
    this.looks = new LookDialog();
    this.pane = new Pane({ step: () => {}, moved: () => {}, larger: (step) => this.looks.open(step), looks: (open) => this.pane.looks.setOpen(open), active: () => {} }, 'rollout');
    this.title = el('h3', {});
    this.said = el('p', { class: 'sc-quiet' });
    this.before = button(icon('left'), () => this.#by(-1), { 'aria-label': 'The rollout before', title: 'The rollout before ([)' });
    this.after = button(icon('right'), () => this.#by(1), { 'aria-label': 'The rollout after', title: 'The rollout after (])' });
    const close = button(icon('close'), () => this.node.close(), { class: 'is-bare', 'aria-label': 'Close' });
    this.pane.stage.node.classList.add('shows-path', 'shows-truth');
    this.node = el(
      'dialog',
      { class: 'sc-dialog tr-large', 'aria-label': 'A rollout', tabindex: '-1' },
      el('header', { class: 'sc-dialog-head' }, this.title, this.said, el('span', { class: 'sc-group' }, this.before, this.after), close),
      el('div', { class: 'sc-work' }, this.pane.main, this.pane.info.node),
    );
    this.node.addEventListener('keydown', (event) => this.#pressed(event));
  }

  /** `all`: rollouts with their views; `at`: which of them. */
  open(all, at) {
    this.#all = all;
    if (!this.node.open) this.node.showModal();
    this.#show(at);
    this.node.focus();
  }

  #show(at) {
    this.#at = at;
    const { view, training } = this.#all[at];
    this.title.textContent = `Rollout ${at + 1} of ${this.#all.length}`;
    this.said.textContent = training ? [training.reward === null ? 'no reward' : `reward ${score(training.reward)}`, training.advantage === null ? '' : `advantage ${score(training.advantage)}`, training.masked ? 'masked from the loss' : ''].filter(Boolean).join(' · ') : '';
    this.before.disabled = at === 0;
    this.after.disabled = at === this.#all.length - 1;
    this.pane.show(view);
    // A button that is of no use any more would swallow the keys.
    if (this.node.getRootNode().activeElement?.disabled) this.node.focus();
  }

  #by(by) {
    const next = this.#at + by;
    if (next >= 0 && next < this.#all.length) this.#show(next);
  }

  #pressed(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.matches?.('input, select, textarea')) return;
    const { pane } = this;
    const step = (to) => pane.setStep(Math.max(0, to));
    const keys = {
      ArrowRight: () => step(pane.step + 1), ArrowLeft: () => step(pane.step < 0 ? pane.length - 1 : pane.step - 1), Home: () => step(0), End: () => step(pane.length - 1),
      '[': () => this.#by(-1), ']': () => this.#by(1), '+': () => pane.zoom(1.25), '-': () => pane.zoom(1 / 1.25), 0: () => pane.stage.viewport.fit(),
    };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  }
}
