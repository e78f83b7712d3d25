/** Small drawn signs, 16 x 16, in the colour of the text beside them. */
import { svg } from '../viewer/dom.js';

const PATHS = {
  move: 'M8 1.8v12.4M1.8 8h12.4M8 1.8L6.2 3.6M8 1.8l1.8 1.8M8 14.2l-1.8-1.8M8 14.2l1.8-1.8M1.8 8l1.8-1.8M1.8 8l1.8 1.8M14.2 8l-1.8-1.8M14.2 8l-1.8 1.8',
  box: 'M2.5 3.5h11v9h-11z',
  comment: 'M2.5 3h11v8h-6l-3 2.5V11h-2z',
  skip: 'M3 3.5l5.5 4.5L3 12.5zM11.8 3.5v9',
  undo: 'M5.5 3L2.5 6l3 3M2.5 6h7a4 4 0 0 1 0 8H6',
  zoom: 'M7 2.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 0 0 0-9M10.4 10.4L14 14M5 7h4M7 5v4',
  check: 'M3 8.5l3.5 3.5L13 4.5',
  cross: 'M4 4l8 8M12 4l-8 8',
  question: 'M5.8 6a2.2 2.2 0 1 1 3.2 2c-.7.4-1 .8-1 1.6M8 12v.2',
  warning: 'M8 2.5l6.2 11H1.8zM8 6.5v3.4M8 11.6v.3',
  wait: 'M8 2.2a5.8 5.8 0 1 0 0 11.6a5.8 5.8 0 0 0 0-11.6M8 4.8V8l2.2 1.6',
  left: 'M10 3L5 8l5 5',
  right: 'M6 3l5 5l-5 5',
  more: 'M3 8h.01M8 8h.01M13 8h.01',
  ring: 'M8 2.6a5.4 5.4 0 1 0 0 10.8a5.4 5.4 0 0 0 0-10.8',
  close: 'M4 4l8 8M12 4l-8 8',
};

export function icon(name, extra = '') {
  return svg(
    'svg',
    { class: `sc-icon rt-icon-${name} ${extra}`.trim(), viewBox: '0 0 16 16', 'aria-hidden': 'true', focusable: 'false' },
    svg('path', { d: PATHS[name] }),
  );
}
