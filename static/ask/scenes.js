/**
 * Scenes of the needle world, drawn to be asked about: one fills the form as if somebody had given its picture and typed its question and
 * its right answer. What somebody did type themselves is put back with a button.
 */
import { button, el, fill, uid } from '../viewer/dom.js';
import { sendJson } from '../viewer/api.js';
import { icon } from '../viewer/icons.js';
import { field, numberInput } from '../studies/fields.js';
import { plural } from '../viewer/words.js';

/** How often one can go back: as many drafts are kept. */
const MOST_BACK = 3;

function isList(value) {
  return Array.isArray(value) ? value.filter((one) => one !== null && typeof one === 'object') : [];
}

export class Scenes {
  /** True where scenes can be drawn: pictures can be kept. */
  there = false;
  /** Settled when the scene that was asked for last is there, or is not to be had. */
  drawing = null;
  /** Why the scene does not suit the policy: to stand where one asks. */
  note = el('p', { class: 'pg-note ak-unfit', role: 'status', dir: 'auto', hidden: true });
  #form;
  #facts = null;
  /** The scene that was drawn last. */
  #scene = null;
  /** What stood in the form before a scene took its place, the newest last. */
  #before = [];
  #asked = null;
  #choice = el('select', { class: 'sc-select st-select', 'aria-label': 'Difficulty', 'data-key': 'difficulty' });
  #words = el('p', { class: 'st-hint', id: uid('difficulty') });
  #drawn = el('p', { class: 'sc-hidden', role: 'status' });
  #back;
  #wrong = el('p', { class: 'st-error', role: 'alert', hidden: true });
  #seed;
  #title = el('span', { text: 'Seed' });
  #draw;

  /** `form`: now() what is asked there, put(parts) in its place, policy() the chosen one */
  constructor(form) {
    this.#form = form;
    const title = uid('scene');
    this.#draw = button([icon('again'), 'Draw'], () => this.draw(), { 'data-key': 'draw', title: 'Another scene each time' });
    this.#back = button('Put back what was there', () => this.#putBack(), { class: 'ak-small', 'data-key': 'put-back', hidden: true });
    this.#seed = numberInput(NaN, () => this.#say(''), { min: 0, step: 1, 'data-key': 'scene-seed' });
    this.#seed.addEventListener('keydown', (event) => event.key === 'Enter' && !event.ctrlKey && !event.metaKey && this.#drawNamed(event));
    const named = field('scene-seed', 'Seed of the scene', this.#seed, { hint: 'The same difficulty and seed draw the same scene, everywhere and for ever.', after: button('Draw it', () => this.#drawNamed(), { 'data-key': 'draw-seed' }) });
    const more = el('details', { class: 'ak-add ak-scene-seed' }, el('summary', {}, icon('right'), this.#title), named);
    this.#choice.setAttribute('aria-describedby', this.#words.id);
    this.#choice.addEventListener('change', () => this.#describe());
    this.node = el(
      'div',
      { class: 'ak-block ak-scene', role: 'group', 'aria-labelledby': title, hidden: true },
      el('p', { class: 'st-label' }, el('span', { id: title, text: 'Draw a scene' }), ' ', el('span', { class: 'st-hint', text: 'with marks to look closer at' })),
      el('div', { class: 'ak-scene-line' }, this.#choice, this.#draw),
      this.#words,
      more,
      this.#back,
      this.#wrong,
      this.#drawn,
    );
  }

  /** What there is to draw, and what is remembered of an earlier visit. */
  show({ scenes, read_only: readOnly }, kept) {
    this.#facts = scenes;
    this.there = Boolean(scenes) && !readOnly;
    this.node.hidden = !this.there;
    if (!this.there) return;
    this.#scene = typeof kept?.scene?.seed === 'number' ? kept.scene : null;
    this.#before = isList(kept?.before);
    const names = scenes.difficulties.map((one) => one.name);
    const chosen = [kept?.difficulty, scenes.default].find((name) => names.includes(name));
    fill(this.#choice, scenes.difficulties.map((one) => el('option', { value: one.name, text: one.title, selected: one.name === chosen })));
    this.#seed.max = scenes.most;
    this.#describe();
    if (this.#scene) this.#seed.value = String(this.#scene.seed);
    this.tell();
  }

  /** What a browser is to remember; a scene by its words, its picture by its hash. */
  get memory() {
    return { difficulty: this.#choice.value, scene: this.#scene, before: this.#before };
  }

  /** The scene that a newcomer finds. */
  first() {
    return this.there ? this.draw(this.#facts.first) : undefined;
  }

  /** Draws a scene of the chosen difficulty into the form, another one each time where no `seed` names it. */
  draw(seed = null) {
    this.drawing = this.#drawNow(seed);
    return this.drawing;
  }

  async #drawNow(seed) {
    this.#asked?.abort();
    const asked = new AbortController();
    this.#asked = asked;
    this.#say('');
    this.#draw.setAttribute('aria-busy', 'true');
    try {
      const scene = await sendJson('POST', 'api/ask/scenes', { difficulty: this.#choice.value, seed }, asked.signal);
      if (asked === this.#asked) this.#take(scene);
    } catch (error) {
      if (error.name !== 'AbortError' && asked === this.#asked) this.#say(error.message);
    } finally {
      if (asked === this.#asked) this.#draw.removeAttribute('aria-busy');
    }
  }

  #drawNamed(event) {
    event?.preventDefault();
    const seed = this.#seed.valueAsNumber;
    if (Number.isInteger(seed) && seed >= 0 && seed <= this.#facts.most) return this.draw(seed);
    this.#say(`Seed: a whole number from 0 to ${this.#facts.most}.`);
    return this.#seed.focus();
  }

  #take(scene) {
    const now = this.#form.now();
    if (this.#isOwn(now)) this.#before = [...this.#before, { ...now, scene: this.#scene }].slice(-MOST_BACK);
    this.#scene = scene;
    this.#seed.value = String(scene.seed);
    this.#form.put(scene);
  }

  /** Whether somebody's own is in it: a picture, a question or a right answer that came with no scene. */
  #isOwn({ picture, question, truth }) {
    const scene = this.#scene;
    const typed = (text, drawn) => text.trim() !== '' && text !== drawn;
    return typed(question, scene?.question) || typed(truth.text, scene?.truth.text) || Boolean(picture && picture.sha256 !== scene?.picture.sha256);
  }

  #putBack() {
    const before = this.#before.pop();
    if (before) {
      this.#scene = before.scene ?? null;
      if (this.#scene) this.#choice.value = this.#scene.difficulty;
      this.#describe();
      this.#seed.value = this.#scene ? String(this.#scene.seed) : '';
      this.#form.put(before);
    }
    this.#draw.focus();
  }

  #describe() {
    this.#words.textContent = this.#facts.difficulties.find((one) => one.name === this.#choice.value)?.words ?? '';
  }

  /** Says what the scene in the form is, and why it does not suit the policy; nothing while another picture is there. */
  tell() {
    if (!this.there) return;
    const scene = this.#form.now().picture?.sha256 === this.#scene?.picture?.sha256 ? this.#scene : null;
    const words = scene ? `Seed ${scene.seed}: takes ${plural(scene.looks, 'look')}` : '';
    this.#title.textContent = words || 'Seed';
    if (this.#drawn.textContent !== words) this.#drawn.textContent = words;
    this.#back.hidden = !scene || !this.#before.length;
    const unfit = scene ? this.#form.policy()?.unfit?.[scene.difficulty] ?? '' : '';
    if (this.note.textContent !== unfit) this.note.textContent = unfit;
    this.note.hidden = !unfit;
  }

  #say(sentence) {
    this.#wrong.hidden = !sentence;
    this.#wrong.textContent = sentence;
  }
}
