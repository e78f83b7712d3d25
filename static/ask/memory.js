/**
 * What was typed, kept by the browser until something else is: the picture by its hash, never its bytes. And which runs this window has
 * begun: those of others are not ended by a key that was meant for something else.
 */

const NAME = 'saccade-ask';
const RUNS = 'saccade-ask-runs';
const MOST = 50;

/** The form as it was left; an empty object where nothing was kept. */
export function remembered() {
  try {
    const kept = JSON.parse(localStorage.getItem(NAME) ?? '{}');
    return kept !== null && typeof kept === 'object' && !Array.isArray(kept) ? kept : {};
  } catch {
    // A browser that keeps nothing, or what somebody else wrote there: then the form is empty.
    return {};
  }
}

export function remember(form) {
  try {
    localStorage.setItem(NAME, JSON.stringify(form));
  } catch {
    // As above: the form lasts as long as the page then.
  }
}

function begun() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(RUNS) ?? '[]');
    return Array.isArray(kept) ? kept : [];
  } catch {
    return [];
  }
}

/** This window has begun the run. */
export function begin(run) {
  try {
    sessionStorage.setItem(RUNS, JSON.stringify([run, ...begun()].slice(0, MOST)));
  } catch {
    // As above: then the run has to be stopped with the mouse.
  }
}

export function isOurs(run) {
  return begun().includes(run);
}
