/** What was typed, kept by the browser until it is asked differently: the picture by its hash, never its bytes. */

const NAME = 'saccade-ask';

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
