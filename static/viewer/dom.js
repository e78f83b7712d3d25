/** Building elements without markup: every string becomes a text node or an attribute value, never HTML. */

const SVG = 'http://www.w3.org/2000/svg';

function assign(node, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith('on')) {
    if (typeof value !== 'function') throw new TypeError(`${name} takes a function.`);
    node.addEventListener(name.slice(2), value);
  } else if (name === 'text') {
    node.textContent = value;
  } else {
    node.setAttribute(name, value === true ? '' : String(value));
  }
}

function build(node, options, children) {
  for (const [name, value] of Object.entries(options)) assign(node, name, value);
  for (const child of children.flat()) {
    if (child !== null && child !== undefined && child !== false) node.append(child);
  }
  return node;
}

/** An HTML element. `options` are attributes, `text`, and `on...` listeners; children are nodes or strings. */
export function el(tag, options = {}, ...children) {
  return build(document.createElement(tag), options, children);
}

/** An SVG element, in the same way. */
export function svg(tag, options = {}, ...children) {
  return build(document.createElementNS(SVG, tag), options, children);
}

/** A real button with the house's class. */
export function button(label, onclick, options = {}) {
  const { class: extra = '', ...rest } = options;
  return el('button', { type: 'button', class: `sc-button ${extra}`.trim(), onclick, ...rest }, ...[label].flat());
}

/** Empties `node` and puts the children in. */
export function fill(node, ...children) {
  node.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Runs `redraw`, then gives the focus back to the element that carries the same data-key. */
export function keepFocus(root, redraw) {
  const key = root.getRootNode().activeElement?.dataset?.key;
  const had = key !== undefined && root.contains(root.getRootNode().activeElement);
  redraw();
  if (had) [...root.querySelectorAll('[data-key]')].find((node) => node.dataset.key === key)?.focus();
}

/** `run` after `wait` ms without another call. */
export function debounce(run, wait) {
  let timer = 0;
  const delayed = (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => run(...values), wait);
  };
  delayed.cancel = () => clearTimeout(timer);
  return delayed;
}

/** Scrolls only `box`, and only as far as needed, until `child` is in sight: the page itself stays where it is. */
export function scrollIntoBox(box, child) {
  if (box.scrollHeight <= box.clientHeight && box.scrollWidth <= box.clientWidth) return;
  const outer = box.getBoundingClientRect();
  const inner = child.getBoundingClientRect();
  const margin = 8;
  if (inner.top < outer.top || inner.height > outer.height) box.scrollTop += inner.top - outer.top - margin;
  else if (inner.bottom > outer.bottom) box.scrollTop += inner.bottom - outer.bottom + margin;
  if (inner.left < outer.left) box.scrollLeft += inner.left - outer.left - margin;
  else if (inner.right > outer.right) box.scrollLeft += inner.right - outer.right + margin;
}

/** The same, again in the next frames: parts that come into sight may turn out larger than they were taken to be. */
export function scrollAndSettle(box, child, frames = 3) {
  scrollIntoBox(box, child);
  if (frames > 0) requestAnimationFrame(() => scrollAndSettle(box, child, frames - 1));
}

/** True where the person asked the system for less motion. */
export function calm() {
  return matchMedia('(prefers-reduced-motion: reduce)').matches;
}

let serial = 0;
/** An id that is unique on the page, for labels. */
export function uid(name) {
  serial += 1;
  return `sc-${name}-${serial}`;
}
