/** The reward, component by component, in every profile; the reason of each is a click away. */
import { el } from './dom.js';
import { icon } from './icons.js';
import { score } from './words.js';

const TITLES = { strict: 'Reward, strict profile', vigorl: 'Reward, vigorl profile' };

function component({ title, value, weight, reason }) {
  const share = value * weight;
  return el(
    'details',
    { class: 'sc-component' },
    el(
      'summary',
      {},
      icon('right'),
      el('span', { class: 'sc-component-title', text: title }),
      el('span', { class: 'sc-figure sc-quiet', text: `${score(value)} × ${score(weight)}` }),
      el('span', { class: 'sc-figure', text: score(share) }),
    ),
    el('p', { class: 'sc-reason', dir: 'auto', text: reason || 'No reason is given.' }),
  );
}

function profile({ profile: name, total, components }, open) {
  return el(
    'details',
    { class: 'sc-profile', open, 'data-profile': name },
    el(
      'summary',
      {},
      icon('right'),
      el('span', { class: 'sc-profile-title', text: TITLES[name] ?? `Reward, ${name} profile` }),
      el('span', { class: 'sc-figure', text: score(total) }),
    ),
    components.length ? el('div', { class: 'sc-components' }, ...components.map(component)) : el('p', { class: 'sc-quiet', text: 'No components.' }),
  );
}

function recorded(value) {
  return el(
    'p',
    { class: 'sc-recorded' },
    el('span', { text: 'Score recorded in the source' }),
    el('span', { class: 'sc-figure', text: score(value) }),
  );
}

export function rewards(view, name) {
  const parts = view.rewards.map((one, k) => profile(one, k === 0));
  if (!parts.length) parts.push(el('p', { class: 'sc-quiet', text: 'No reward: without a truth nothing is scored.' }));
  if (view.recorded_score !== null) parts.push(recorded(view.recorded_score));
  return el('section', { class: 'sc-section sc-rewards', 'aria-label': `Reward of the ${name}` }, ...parts);
}
