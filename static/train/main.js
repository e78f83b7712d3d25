/** Entry: `mount(element)` puts the page of training into an element and gives back a promise of a handle with `destroy()`. */
import { mountPage } from '../viewer/mounting.js';
import { TrainApp } from './app.js';

const VIEWER = ['base', 'layout', 'list', 'stage', 'panel'].map((name) => `../viewer/${name}.css`);
const SHEETS = [...VIEWER, '../studies/page.css', '../studies/form.css', '../results/results.css', '../ask/draws.css', 'train.css'].map((name) => new URL(name, import.meta.url).href);

export function mount(element) {
  return mountPage(element, SHEETS, (root) => new TrainApp(root, element));
}
