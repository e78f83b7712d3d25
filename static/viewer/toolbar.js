/** The row of controls over the picture. */
import { button, el, fill } from './dom.js';
import { icon } from './icons.js';
import { Menu } from './menu.js';
import { SPEEDS } from './player.js';
import { verdictWord } from './words.js';

const LAYERS = [
  ['path', 'Path', 'The points and the path between them', true],
  ['truth', 'Answer', 'The answer and the truth on the picture', true],
  ['windows', 'Windows', 'Every window that was looked at, not only that of the current step', false],
];

/** Words that give way to their sign where there is little room; the button keeps its name. */
function wide(text) {
  return el('span', { class: 'sc-wide', text });
}

function group(name, ...children) {
  return el('div', { class: 'sc-group', role: 'group', 'aria-label': name }, ...children);
}

/** What is drawn on the picture, each with its switch; `changed(name, on)`. */
export function layerSwitches(changed) {
  const toggles = LAYERS.map(([name, label, title, on]) => {
    const toggle = button(label, () => {
      const next = toggle.getAttribute('aria-pressed') !== 'true';
      toggle.setAttribute('aria-pressed', String(next));
      changed(name, next);
    }, { 'aria-pressed': String(on), title, 'data-layer': name });
    return toggle;
  });
  return group('Shown on the picture', ...toggles);
}

/** The buttons that zoom; `act`: zoom(factor), fit, actual; `shown` stands between them and says how large the picture is. */
export function zoomButtons(act, shown) {
  return group(
    'Zoom',
    button(icon('minus'), () => act.zoom(1 / 1.25), { 'aria-label': 'Zoom out', title: 'Zoom out (−)' }),
    shown,
    button(icon('plus'), () => act.zoom(1.25), { 'aria-label': 'Zoom in', title: 'Zoom in (+)' }),
    button('Fit', act.fit, { title: 'Fit the picture (0)' }),
    button('1:1', act.actual, { title: 'One picture pixel on one screen pixel (1)' }),
  );
}

export class Toolbar {
  #act;
  #sync;
  #leave;

  /** `act`: list, layer(name, on), zoom(factor), fit, actual, play, speed(x), compare(id), leave, sync(on), share, png, json; `view()` */
  constructor(act) {
    this.#act = act;
    this.zoom = el('output', { class: 'sc-zoom', 'aria-label': 'Zoom', text: '100 %' });
    this.playButton = button('', act.play, { class: 'sc-play', title: 'Play the path (Space)' });
    this.setPlaying(false);
    this.#sync = button('Move together', () => this.#toggleSync(), { 'aria-pressed': 'true', title: 'Moving or zooming one picture does the same to the other; each keeps its own step' });
    this.#leave = button([icon('close'), wide('Leave')], act.leave, { 'aria-label': 'Leave the comparison', title: 'Back to one trace' });
    this.compare = new Menu([icon('compare'), wide('Compare')], 'Compare with another trace', () => this.#others());
    this.save = new Menu([icon('save'), wide('Save')], 'Save', () => [
      this.pair.hidden
        ? { label: 'Picture of the view', note: 'PNG, at the picture’s own resolution', run: act.png }
        : { label: 'Both pictures, side by side', note: 'One PNG, at the pictures’ own resolution', run: act.png },
      { label: 'Data of the trace', note: 'JSON', run: act.json },
    ]);
    this.traces = button([icon('list'), 'Traces'], act.list, { class: 'sc-open-list', 'aria-expanded': 'false' });
    this.pair = group('Compare', this.#sync, this.#leave);
    this.pair.hidden = true;
    this.node = el('div', { class: 'sc-toolbar', role: 'toolbar', 'aria-label': 'View' }, this.traces, layerSwitches(act.layer), el('span', { class: 'sc-spring' }), zoomButtons(act, this.zoom), this.#playing(), this.compare.node, this.pair, this.#share(), this.save.node);
  }

  #playing() {
    const options = SPEEDS.map((speed) => el('option', { value: speed, selected: speed === 1, text: `${speed} ×` }));
    const speed = el('select', { class: 'sc-select', 'aria-label': 'Speed of playing', onchange: () => this.#act.speed(Number(speed.value)) }, ...options);
    return group('Play', this.playButton, speed);
  }

  #share() {
    return button([icon('share'), wide('Share')], this.#act.share, { class: 'sc-share', 'aria-label': 'Share', title: 'Copy the link to this view' });
  }

  #others() {
    const others = this.#act.view()?.same_picture ?? [];
    if (!others.length) return [{ label: 'No other trace of this picture is stored.' }];
    return others.map(({ id, question, policy, correct }) => ({
      label: question, note: `${policy} · ${verdictWord(correct)}`, run: () => this.#act.compare(id),
    }));
  }

  #toggleSync() {
    const next = this.#sync.getAttribute('aria-pressed') !== 'true';
    this.#sync.setAttribute('aria-pressed', String(next));
    this.#act.sync(next);
  }

  setComparing(on) {
    this.pair.hidden = !on;
    this.compare.node.hidden = on;
  }

  setPlaying(on) {
    fill(this.playButton, icon(on ? 'pause' : 'play'), el('span', { class: 'sc-word', text: on ? 'Pause' : 'Play' }));
    this.playButton.setAttribute('aria-label', on ? 'Pause' : 'Play the path');
  }

  setZoom(zoom) {
    const text = `${Math.round(zoom * 100)} %`;
    if (this.zoom.textContent !== text) this.zoom.textContent = text;
  }
}
