/** Entry: `mount(element)` puts the rating page into an element and gives back a promise of a handle with `destroy()`. */
import { mountPage, whenInSight } from '../viewer/mounting.js';
import { App } from './app.js';

const SHEETS = ['../viewer/base.css', 'layout.css', 'stage.css', 'side.css', 'pages.css'].map((name) => new URL(name, import.meta.url).href);

/** It begins when it first comes into sight: a step that is fetched is kept for this rater, and nobody else gets it meanwhile. */
export function mount(element) {
  return mountPage(element, SHEETS, (root) => {
    let app = null;
    const stop = whenInSight(element, (seen) => {
      if (seen) app ??= new App(root);
    });
    return {
      destroy() {
        stop();
        app?.destroy();
      },
    };
  });
}
