/** Which study the lead is at: the pages of studies, results and preferred traces open the same one, for as long as the window is open. */

const NAME = 'saccade-study';

/** The id of the study chosen last in this window; null where there is none. */
export function chosenStudy() {
  try {
    const id = Number(sessionStorage.getItem(NAME));
    return Number.isSafeInteger(id) && id > 0 ? id : null;
  } catch {
    // A browser that keeps nothing for a page still shows it.
    return null;
  }
}

export function chooseStudy(id) {
  try {
    sessionStorage.setItem(NAME, String(id));
  } catch {
    // As above: then every page begins with the first study.
  }
}
