/** The page for raters alone: the same Rate as in the workbench, and who is signed in. */
import { mount as mountRate } from '../rate/main.js';
import { mount as mountSession } from '../session/main.js';

mountSession(document.getElementById('saccade-who'));
mountRate(document.getElementById('saccade-rate'));

/** Rate says which study is open; the bar and the window's title follow it. */
addEventListener('saccade-study', ({ detail }) => {
  const name = typeof detail?.name === 'string' ? detail.name : '';
  const place = document.getElementById('saccade-study');
  place.textContent = name;
  place.title = name;
  document.title = name ? `${name} · Saccade` : 'Rate · Saccade';
});
