/** Entry: `mount(element)` puts the lead's screen of studies into an element and gives back a promise of a handle with `destroy()`. */
import { mountPage } from '../viewer/mounting.js';
import { StudiesApp } from './app.js';

const SHEETS = ['../viewer/base.css', '../viewer/list.css', '../viewer/panel.css', 'page.css', 'studies.css', 'form.css'].map((name) => new URL(name, import.meta.url).href);

export function mount(element) {
  return mountPage(element, SHEETS, (root) => new StudiesApp(root, element));
}
