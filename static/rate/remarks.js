/** The comment, and the reasons for skipping. */
import { button, el, fill, uid } from '../viewer/dom.js';
import { keyLabel } from './keymap.js';

const MOST = 10_000;

export class Comment {
  #area;

  /** `events`: changed(text), done() */
  constructor(events) {
    const id = uid('comment');
    this.#area = el('textarea', { id, class: 'rt-input rt-area', rows: 3, maxlength: MOST, dir: 'auto', oninput: () => events.changed(this.#area.value) });
    this.#area.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' && !(event.key === 'Enter' && (event.ctrlKey || event.metaKey))) return;
      event.preventDefault();
      event.stopPropagation();
      this.#area.blur();
      events.done();
    });
    this.node = el('section', { class: 'rt-comment', hidden: true }, el('label', { class: 'rt-label', for: id }, 'Comment', el('span', { class: 'sc-quiet', text: 'Esc or Ctrl ⏎: back to the answers' })), this.#area);
  }

  open() {
    this.node.hidden = false;
    this.#area.focus();
  }

  get typing() {
    return this.#area.matches(':focus');
  }

  /** An empty comment that nobody is writing takes no room. */
  show(text) {
    if (this.#area.value !== text) this.#area.value = text;
    this.node.hidden = !text && !this.typing;
  }
}

export class Skip {
  #reasons = [];
  #events;
  #list = el('ol', { class: 'rt-reasons' });
  #text;

  /** `events`: skip(reason), changed(text), left() */
  constructor(events) {
    this.#events = events;
    const [head, id] = [uid('skip'), uid('reason')];
    this.#text = el('input', { id, type: 'text', class: 'rt-input', maxlength: MOST, dir: 'auto', oninput: () => events.changed(this.#text.value) });
    this.#text.addEventListener('keydown', (event) => this.#typed(event));
    const other = el('div', { class: 'rt-other' }, el('label', { class: 'rt-label', for: id, text: 'Another reason' }), el('div', { class: 'rt-row' }, this.#text, button(['Skip', el('kbd', { text: '⏎' })], () => this.#own())));
    this.node = el(
      'section',
      { class: 'rt-skip', role: 'group', 'aria-labelledby': head, tabindex: '-1', hidden: true },
      el('h3', { id: head, text: 'Why is this step skipped?' }), this.#list, other,
      el('div', { class: 'rt-tools' }, button(['Do not skip', el('kbd', { text: keyLabel('Escape') })], () => events.left())),
    );
  }

  get isOpen() {
    return !this.node.hidden;
  }

  open(reasons, text) {
    this.#reasons = reasons.slice(0, 9);
    fill(this.#list, this.#reasons.map((reason, k) => el('li', {}, button([el('kbd', { text: String(k + 1) }), el('span', { dir: 'auto', text: reason })], () => this.#events.skip(reason), { class: 'rt-reason' }))));
    this.#text.value = text;
    this.node.hidden = false;
    if (this.#reasons.length) this.node.focus();
    else this.#text.focus();
  }

  close() {
    this.node.hidden = true;
  }

  /** A reason's number skips; no other digit gives an answer meanwhile. */
  key(name) {
    if (!/^[1-9]$/.test(name)) return false;
    const reason = this.#reasons[Number(name) - 1];
    if (reason) this.#events.skip(reason);
    return true;
  }

  #own() {
    const reason = this.#text.value.trim();
    if (reason) this.#events.skip(reason);
    else this.#text.focus();
  }

  #typed(event) {
    if (event.isComposing || (event.key !== 'Enter' && event.key !== 'Escape')) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === 'Enter') this.#own();
    else this.#events.left();
  }
}
