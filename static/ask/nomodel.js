/** What to do where no model is at hand: three ways to name one, and a recorded run to see how it looks. */
import { button, el } from '../viewer/dom.js';
import { icon } from '../viewer/icons.js';

const WAYS = [
  ['A name on the hub', 'It is downloaded once, then runs on this machine.', 'python3 launch.py --policy Qwen/Qwen2.5-VL-3B-Instruct'],
  ['A folder', 'A checkpoint that lies on this machine, also a LoRA adapter’s.', 'python3 launch.py --policy /data/my-checkpoint'],
  ['A server', 'vLLM, SGLang or transformers serve; its key is read from the environment.', 'python3 launch.py --policy http://localhost:8000/v1#my-model'],
];

/** `mayAdd`: a policy can also be added on this page; `replay()` plays a recorded run, null where there is none. */
export function noModel(mayAdd, replay) {
  const ways = WAYS.map(([title, words, command]) => el('li', { class: 'ak-way' }, el('h3', { text: title }), el('p', { class: 'sc-quiet', text: words }), el('code', { class: 'ak-code', tabindex: '0', text: command })));
  return el(
    'section',
    { class: 'ak-no-model', 'aria-label': 'No model is at hand' },
    el('h2', { text: 'No model is at hand' }),
    el('p', { text: `Saccade asks a Qwen2-VL, Qwen2.5-VL or Qwen3-VL model. Name one when you start it${mayAdd ? ', or under “Add a policy” at the left' : ''}:` }),
    el('ol', { class: 'ak-ways' }, ...ways),
    el('p', { class: 'sc-quiet' }, 'What this machine can run, and what is missing: ', el('code', { class: 'ak-code is-inline', text: 'python3 launch.py doctor' })),
    replay ? el('div', { class: 'ak-replay' }, button([icon('play'), 'Replay a recorded run'], replay, { class: 'st-primary', 'data-key': 'replay' }), el('p', { class: 'sc-quiet', text: 'It plays like a live one. No model is running.' })) : null,
  );
}
