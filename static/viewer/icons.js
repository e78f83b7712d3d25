/** Small drawn signs, 16 x 16, in the colour of the text beside them. */
import { svg } from './dom.js';

const PATHS = {
  search: 'M7 2.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 0 0 0-9M10.4 10.4L14 14',
  play: 'M5 3.2v9.6l8-4.8z',
  pause: 'M5 3.5v9M11 3.5v9',
  plus: 'M8 3v10M3 8h10',
  minus: 'M3 8h10',
  close: 'M4 4l8 8M12 4l-8 8',
  check: 'M3 8.5l3.5 3.5L13 4.5',
  cross: 'M4 4l8 8M12 4l-8 8',
  dash: 'M4 8h8',
  left: 'M10 3L5 8l5 5',
  right: 'M6 3l5 5l-5 5',
  down: 'M4 6l4 4l4-4',
  compare: 'M2.5 3h11v10h-11zM8 3v10',
  share: 'M6.5 9.5l3-3M7.2 4.6l1.6-1.6a2.9 2.9 0 0 1 4.1 4.1l-1.6 1.6M8.8 11.4l-1.6 1.6a2.9 2.9 0 0 1-4.1-4.1l1.6-1.6',
  save: 'M8 2.5v7.5M4.8 7L8 10.2L11.2 7M3 13.2h10',
  warning: 'M8 2.5l6.2 11H1.8zM8 6.5v3.4M8 11.6v.3',
  list: 'M2.5 4h11M2.5 8h11M2.5 12h11',
  loupe: 'M7 2.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 0 0 0-9M10.4 10.4L14 14M5 7h4M7 5v4',
  enlarge: 'M9.5 2.5h4v4M6.5 13.5h-4v-4M13.5 2.5L9 7M2.5 13.5L7 9',
  filter: 'M2 3.5h12M4.5 8h7M6.8 12.5h2.4',
  stop: 'M4 4h8v8H4z',
  upload: 'M8 10.5V3M4.8 6L8 2.8L11.2 6M3 13.2h10',
  picture: 'M2.5 3h11v10h-11zM2.5 11l3.2-3.4l2.6 2.6l2-2l3.2 3.3M10.6 5.6v.2',
  grid: 'M2.5 2.5h4.5v4.5h-4.5zM9 2.5h4.5v4.5h-4.5zM2.5 9h4.5v4.5h-4.5zM9 9h4.5v4.5h-4.5z',
  again: 'M13 8a5 5 0 1 1-1.6-3.7M13.2 2.2v2.9h-2.9',
  follow: 'M8 2.5v11M4.5 10L8 13.5L11.5 10',
};

const SOLID = new Set(['play', 'stop']);

export function icon(name) {
  return svg(
    'svg',
    { class: `sc-icon${SOLID.has(name) ? ' is-solid' : ''}`, viewBox: '0 0 16 16', 'aria-hidden': 'true', focusable: 'false' },
    svg('path', { d: PATHS[name] }),
  );
}
