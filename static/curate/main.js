/** Entry: `mount(element)` puts the page of preferred traces into an element and gives back a promise of a handle with `destroy()`. */
import { mountPage } from '../viewer/mounting.js';
import { CurateApp } from './app.js';

const SHEETS = ['../viewer/base.css', '../viewer/list.css', '../studies/page.css', '../studies/form.css', 'curate.css', 'improve.css'].map((name) => new URL(name, import.meta.url).href);

export function mount(element) {
  return mountPage(element, SHEETS, (root) => new CurateApp(root, element));
}
