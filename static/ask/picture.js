/** The picture that is asked about: uploaded, pasted, dropped, or one that is stored already. */
import { button, el, fill, uid } from '../viewer/dom.js';
import { ownUrl, sendFile } from '../viewer/api.js';
import { icon } from '../viewer/icons.js';
import { count } from '../viewer/words.js';

function megabytes(bytes) {
  return bytes < 1e6 ? `${count(Math.max(1, Math.round(bytes / 1e3)))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

export class PictureField {
  picture = null;
  #changed;
  #sending = null;
  #input;
  #card = el('div', { class: 'ak-picture' });
  #state = el('p', { class: 'st-hint', role: 'status' });
  #wrong = el('p', { class: 'st-error', role: 'alert', hidden: true });

  /** `changed(picture)` once another one is there; `fromStore()` opens the stored ones. */
  constructor(changed, fromStore) {
    this.#changed = changed;
    const title = uid('picture');
    this.#input = el('input', { type: 'file', accept: 'image/*', class: 'sc-hidden', tabindex: '-1', 'aria-hidden': 'true', onchange: () => this.#chosen() });
    const buttons = el(
      'div',
      { class: 'ak-picture-buttons' },
      button([icon('upload'), 'Upload'], () => this.browse(), { 'data-key': 'upload' }),
      button([icon('picture'), 'From the store'], fromStore, { 'data-key': 'store' }),
    );
    this.node = el('div', { class: 'ak-block', role: 'group', 'aria-labelledby': title }, el('p', { class: 'st-label', id: title, text: 'Picture' }), this.#card, buttons, this.#state, this.#wrong, this.#input);
    this.#draw();
  }

  browse() {
    this.#input.click();
  }

  #chosen() {
    const [file] = this.#input.files;
    this.#input.value = '';
    if (file) this.give(file);
  }

  /** Sends a file to the server. One that is refused leaves the picture that was there, and says why. */
  async give(file) {
    this.#sending?.abort();
    const sending = new AbortController();
    this.#sending = sending;
    this.#say('');
    this.#state.hidden = false;
    this.#state.textContent = `Sending ${file.name || 'the picture'}, ${megabytes(file.size)}…`;
    try {
      const { picture } = await sendFile('api/pictures', file, sending.signal);
      if (sending === this.#sending) this.take(picture);
    } catch (error) {
      if (error.name !== 'AbortError' && sending === this.#sending) this.#say(error.message);
    } finally {
      if (sending === this.#sending) this.#idle();
    }
  }

  #idle() {
    this.#sending = null;
    this.#draw();
  }

  /** A picture that the server has. */
  take(picture) {
    this.picture = picture;
    this.#say('');
    this.#draw();
    this.#changed(picture);
  }

  #say(sentence) {
    this.#wrong.hidden = !sentence;
    this.#wrong.textContent = sentence;
  }

  /** Says what is missing, and leads there. */
  complain(sentence) {
    this.#say(sentence);
    this.node.querySelector('[data-key="upload"]').focus();
  }

  #draw() {
    const { picture } = this;
    this.#state.textContent = picture ? '' : 'Or paste it (Ctrl V), or drop it anywhere here.';
    this.#state.hidden = Boolean(picture);
    this.#card.hidden = !picture;
    if (!picture) return;
    const image = el('img', { class: 'ak-picture-image', src: ownUrl(picture.thumbnail), alt: '' });
    image.addEventListener('error', () => this.#say('This picture is no longer stored here: give it again.'));
    fill(this.#card, image, el('div', { class: 'ak-picture-words' }, el('p', { class: 'ak-picture-name', dir: 'auto', title: picture.name, text: picture.name || 'Without a name' }), el('p', { class: 'sc-quiet', text: `${count(picture.width)} × ${count(picture.height)} px` })));
  }
}

function pictureIn(files) {
  return [...files].find((file) => file.type.startsWith('image/')) ?? files[0];
}

/** Files that are dropped anywhere on `node` or pasted while `awake()`; `give(file)` gets the first picture, `say(words)` what else there is to tell. */
export function catchPictures(node, awake, give, say) {
  const off = new AbortController();
  const { signal } = off;
  const carries = (event) => [...(event.dataTransfer?.types ?? [])].includes('Files');
  let depth = 0;
  const mark = (by) => {
    depth = Math.max(0, by === null ? 0 : depth + by);
    node.classList.toggle('is-dropping', depth > 0);
  };
  const take = (files) => {
    const file = pictureIn(files);
    if (!file) return;
    if (files.length > 1) say('One picture at a time: the first one is taken.');
    give(file);
  };
  node.addEventListener('dragenter', (event) => carries(event) && mark(1), { signal });
  node.addEventListener('dragleave', (event) => carries(event) && mark(-1), { signal });
  node.addEventListener('dragover', (event) => carries(event) && event.preventDefault(), { signal });
  node.addEventListener('drop', (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    mark(null);
    take(event.dataTransfer.files);
  }, { signal });
  document.addEventListener('paste', (event) => {
    const files = event.clipboardData?.files ?? [];
    if (!files.length || !awake()) return;
    event.preventDefault();
    take(files);
  }, { signal });
  return () => off.abort();
}
