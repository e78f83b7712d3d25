/** Entry: `mount(element)` puts the page on which a model is asked into an element and gives back a promise of a handle with `destroy()`. */
import { mountPage } from '../viewer/mounting.js';
import { AskApp } from './app.js';

const VIEWER = ['base', 'layout', 'list', 'stage', 'panel'].map((name) => `../viewer/${name}.css`);
const OWN = ['ask.css', 'form.css', 'draws.css'];
const SHEETS = [...VIEWER, '../studies/page.css', '../studies/form.css', ...OWN].map((name) => new URL(name, import.meta.url).href);

export function mount(element) {
  return mountPage(element, SHEETS, (root) => new AskApp(root, element));
}
