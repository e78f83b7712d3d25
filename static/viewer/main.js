/** Entry: `mount(element)` puts the viewer into an element and gives back a promise of a handle with `destroy()`. */
import { App } from './app.js';
import { mountPage } from './mounting.js';

const SHEETS = ['base.css', 'layout.css', 'list.css', 'stage.css', 'panel.css'].map((name) => new URL(name, import.meta.url).href);

export function mount(element) {
  return mountPage(element, SHEETS, (root) => new App(root));
}
