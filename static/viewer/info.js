/** The panel of one trace: how it ended, the answer beside the truth, the steps, the faults, the reward, the raw text. */
import { el, fill, scrollIntoBox } from './dom.js';
import { foldLong } from './fold.js';
import { icon } from './icons.js';
import { MANY } from './overlay.js';
import { demands } from './rawtext.js';
import { rewards } from './rewards.js';
import { StepList } from './steps.js';
import { plural, truthWords, verdictSentence } from './words.js';

/** An answer, a verdict's reason and a truth fold after so many characters. */
const LONG = 280;

const SIGNS = { true: ['check', 'is-right'], false: ['cross', 'is-wrong'], null: ['dash', 'is-unscored'] };

function summary(view) {
  const looks = view.steps.filter((step) => step.look).length;
  const faults = view.faults.length ? plural(view.faults.length, 'fault') : 'no faults';
  const quiet = [view.policy, view.settings_words, faults].filter(Boolean).join(' · ');
  return el(
    'header',
    { class: 'sc-section sc-summary' },
    el('h3', {}, `${plural(view.steps.length, 'step')}, ${plural(looks, 'look')}`, view.note ? el('span', { class: 'sc-tag', text: view.note }) : null),
    el('p', { class: 'sc-quiet', text: quiet }),
    view.remark ? el('p', { class: 'sc-quiet sc-remark', dir: 'auto', text: view.remark }) : null,
    view.steps.length > MANY ? el('p', { class: 'sc-quiet', text: 'So many steps: the picture shows those around the current one.' }) : null,
    el('p', { class: 'sc-stop', 'data-stop': view.stop, text: view.stop_words }),
  );
}

function answer(view, name) {
  const { text, verdict } = view.answer;
  const [sign, kind] = SIGNS[verdict];
  const said = text === null
    ? el('p', { class: 'sc-answer-text is-missing', text: 'No answer' })
    : el('p', { class: 'sc-answer-text', dir: 'auto', text: text || '(empty)' });
  return el(
    'section',
    { class: `sc-answer ${kind}`, 'aria-label': `Answer of the ${name}` },
    foldLong(said, LONG),
    el('div', { class: 'sc-verdict' }, icon(sign), foldLong(el('p', { class: 'sc-reason-words', dir: 'auto', text: verdictSentence(view.answer) }), LONG)),
    foldLong(el('p', { class: 'sc-truth-words', dir: 'auto', text: truthWords(view.truth) }), LONG),
  );
}

function faultItem(fault, key, showFault) {
  const where = fault.start === null
    ? el('span', { class: 'sc-quiet', text: `Turn ${fault.turn + 1}` })
    : el('button', { type: 'button', class: 'sc-more', text: `Turn ${fault.turn + 1}, show in the text`, onclick: () => showFault(key) });
  return el(
    'li',
    { class: 'sc-fault', 'data-kind': fault.kind },
    icon('warning'),
    el('div', {}, el('p', { class: 'sc-fault-title', text: fault.title }), el('p', { class: 'sc-quiet', text: fault.detail }), where),
  );
}

function faults(view, showFault) {
  if (!view.faults.length) return null;
  const items = view.faults.map((fault, key) => faultItem(fault, String(key), showFault));
  return el('section', { class: 'sc-section sc-faults' }, el('h3', { text: plural(view.faults.length, 'fault') }), el('ul', {}, ...items));
}

export class Info {
  #steps = null;

  constructor(events, name) {
    this.events = events;
    this.name = name;
    this.node = el('aside', { class: 'sc-info', 'aria-label': `The ${name} in words`, tabindex: '-1' });
  }

  show(view) {
    this.#steps = new StepList(view, this.events, this.node);
    const { node, showFault } = demands(view, this.name, (mark) => this.#bring(mark));
    const steps = view.steps.length
      ? this.#steps.node
      : el('p', { class: 'sc-section sc-quiet sc-no-steps', text: 'No steps: nothing that could be read as reasoning was written.' });
    fill(this.node, summary(view), answer(view, this.name), steps, faults(view, showFault), rewards(view, this.name), node);
    this.node.scrollTop = 0;
  }

  /** Into the panel's sight; where the page itself scrolls, into the page's. */
  #bring(mark) {
    const text = mark.closest('pre');
    if (text) scrollIntoBox(text, mark);
    if (this.node.scrollHeight > this.node.clientHeight + 1) scrollIntoBox(this.node, mark);
    else mark.scrollIntoView({ block: 'center' });
  }

  setStep(index, options) {
    this.#steps?.setStep(index, options);
  }

  setHot(index) {
    this.#steps?.setHot(index);
  }
}
