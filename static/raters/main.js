/** Entry: `mount(element)` puts the admin's screen of raters into an element and gives back a promise of a handle with `destroy()`. */
import { mountPage } from '../viewer/mounting.js';
import { RatersApp } from './app.js';

const SHEETS = ['../viewer/base.css', '../studies/page.css', '../studies/form.css', 'raters.css'].map((name) => new URL(name, import.meta.url).href);

export function mount(element) {
  return mountPage(element, SHEETS, (root) => new RatersApp(root, element));
}
