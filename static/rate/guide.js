/** The instructions with their worked examples, shown before the first step and whenever they are asked for. */
import { button, el, svg } from '../viewer/dom.js';
import { ownUrl } from '../viewer/api.js';
import { icon } from './icons.js';
import { radiusOf } from './marks.js';
import { sentence } from './sentence.js';

const SIGNS = { yes: 'check', no: 'cross', unsure: 'question' };

/** The example's picture with its circle, at one size whatever the picture's; nothing where the picture is not there. */
function drawn({ picture_url: address, width, height, x, y }, circle) {
  if (!address) return null;
  const radius = radiusOf(circle, { width });
  const rings = ['dark', 'light', 'line'].map((part) => svg('circle', { class: `rt-${part}`, cx: x, cy: y, r: radius, 'vector-effect': 'non-scaling-stroke' }));
  const marks = svg('svg', { class: 'rt-example-marks', viewBox: `0 0 ${width} ${height}`, 'aria-hidden': 'true' }, svg('g', { class: 'rt-mark is-circle' }, ...rings));
  marks.style.setProperty('--rt-circle', circle.color);
  const image = el('img', { src: ownUrl(address), alt: 'The picture of the example, with its circle', width, height, draggable: 'false' });
  const frame = el('div', { class: 'rt-example-picture' }, image, marks);
  frame.style.setProperty('--rt-aspect', String(width / height));
  return frame;
}

function example(one, circle) {
  const answer = el('p', { class: `rt-verdict is-${SIGNS[one.answer] ? one.answer : 'other'}` }, icon(SIGNS[one.answer] ?? 'ring'), el('strong', { dir: 'auto', text: one.answer_label }));
  return el('li', { class: `rt-example${one.picture_url ? '' : ' is-bare'}` }, drawn(one, circle), sentence(one.sentence, circle.color), answer, el('p', { class: 'rt-why-example', dir: 'auto', text: one.why }));
}

export class Guide {
  name = 'guide';
  #done;
  #start;

  /** `done()` goes on; `changed`: the guideline is a newer one than the rater has read. `begun`: steps wait behind it. */
  constructor(study, done, { changed = false, begun = false } = {}) {
    this.#done = done;
    const paragraphs = study.instructions.split(/\n\s*\n/).map((text) => text.trim()).filter(Boolean);
    const { examples } = study;
    this.#start = button([begun ? 'Go on rating' : 'Start rating', el('kbd', { text: '⏎' })], done, { class: 'is-primary is-large' });
    const news = changed ? el('p', { class: 'rt-banner', role: 'status' }, icon('warning'), el('span', { text: `The guideline has changed: this is version ${study.version}. Please read it again. Your ratings and what you have begun are kept.` })) : null;
    this.node = el(
      'div',
      { class: 'rt-page is-guide' },
      news,
      el('header', {}, el('h2', { tabindex: '-1', text: 'How to rate' }), el('p', { class: 'sc-quiet' }, el('span', { dir: 'auto', text: study.name }), ` · Guideline v${study.version}`)),
      el('div', { class: 'rt-instructions' }, paragraphs.map((text) => el('p', { dir: 'auto', text }))),
      examples.length ? el('section', {}, el('h3', { text: examples.length === 1 ? 'A worked example' : 'Worked examples' }), el('ul', { class: 'rt-examples' }, examples.map((one) => example(one, study.circle)))) : null,
      el('footer', { class: 'rt-page-foot' }, this.#start),
    );
  }

  focus() {
    this.node.scrollTop = 0;
    this.node.querySelector('h2').focus({ preventScroll: true });
  }

  key(name) {
    if (name === 'ArrowDown' || name === 'ArrowUp') this.node.scrollBy({ top: name === 'ArrowDown' ? 80 : -80 });
    else if (name === 'Enter' || name === 'Escape') this.#done();
    else return false;
    return true;
  }
}
