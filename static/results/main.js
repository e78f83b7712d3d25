/** Entry: `mount(element)` puts the results of studies into an element and gives back a promise of a handle with `destroy()`. */
import { mountPage } from '../viewer/mounting.js';
import { ResultsApp } from './app.js';

const SHEETS = ['../viewer/base.css', '../viewer/panel.css', '../studies/page.css', 'results.css'].map((name) => new URL(name, import.meta.url).href);

export function mount(element) {
  return mountPage(element, SHEETS, (root) => new ResultsApp(root, element));
}
