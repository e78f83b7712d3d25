/** The first traces that pass, with what people said of them. */
import { el, fill } from '../viewer/dom.js';
import { ownUrl } from '../viewer/api.js';
import { count, plural, verdictWord } from '../viewer/words.js';

const BASE = new URL('../../', import.meta.url);

function percent(share) {
  return `${Math.round(share * 100)} %`;
}

function figure(title, value) {
  return el('span', { class: 'cu-evidence' }, el('span', { class: 'cu-evidence-title', text: title }), el('span', { text: value }));
}

function thumbnail(address) {
  if (!address) return el('span', { class: 'cu-picture' });
  const image = el('img', { class: 'cu-picture', src: ownUrl(address), alt: '', loading: 'lazy', decoding: 'async' });
  image.addEventListener('error', () => image.replaceWith(el('span', { class: 'cu-picture' })));
  return image;
}

function tags(one) {
  if (one.left_out) return [el('span', { class: 'pg-tag is-warn', title: one.left_out, text: 'left out' })];
  const found = [el('span', { class: 'pg-tag', text: one.split })];
  if (one.moved) found.push(el('span', { class: 'pg-tag is-on', text: `${plural(one.moved, 'point')} moved` }));
  return found;
}

function example(one) {
  const steps = one.rated_steps === one.asked_steps ? plural(one.asked_steps, 'step') : `${count(one.rated_steps)} of ${plural(one.asked_steps, 'step')}`;
  const figures = [
    one.accurate === null ? null : figure('accurate', percent(one.accurate)),
    one.helpful === null ? null : figure('helpful', one.helpful.toFixed(1)),
    one.agreement === null ? null : figure('agree', percent(one.agreement)),
    figure('answer', verdictWord(one.correct)),
    one.faults ? figure('faults', count(one.faults)) : null,
    one.looks ? figure('looks', count(one.looks)) : null,
    figure('rated', `${steps}, by ${plural(one.raters, 'person', 'people')}`),
  ];
  const href = new URL(one.link.replace(/^\//, ''), BASE).href;
  return el(
    'li',
    { class: `cu-example${one.left_out ? ' is-out' : ''}` },
    thumbnail(one.thumbnail),
    el(
      'div',
      { class: 'cu-example-words' },
      el('a', { class: 'cu-question', href, dir: 'auto', target: '_blank', rel: 'noopener', text: one.question || 'No question', title: 'Open in Inspect, in a new tab' }),
      el('p', { class: 'cu-figures' }, ...figures),
      el('p', { class: 'cu-origin' }, el('bdi', { text: one.policy }), ' · ', el('bdi', { text: one.datasets.join(', ') }), ` · ${one.domain_title}`),
    ),
    el('div', { class: 'cu-tags' }, ...tags(one)),
  );
}

export class Examples {
  constructor() {
    this.words = el('p', { class: 'sc-quiet' });
    this.list = el('ul', { class: 'cu-examples' });
    this.node = el('section', { class: 'pg-card', 'aria-label': 'Traces that pass' }, el('h3', { text: 'Traces that pass' }), this.words, this.list);
  }

  show({ examples, counts }) {
    const some = examples.length < counts.passed ? `The first ${count(examples.length)} of ${count(counts.passed)}, in the order of the file.` : 'In the order of the file.';
    const none = counts.rated ? 'None passes this rule: turn a condition off, or lower it.' : 'As soon as ratings count, the traces stand here.';
    this.words.textContent = examples.length ? some : none;
    fill(this.list, examples.map(example));
  }
}
