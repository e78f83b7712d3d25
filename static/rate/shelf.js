/**
 * What this browser keeps between visits, as JSON under names of ours. Where it keeps nothing (storage is off or full), values
 * live as long as the page, and `durable` is false.
 */

const ROOT = 'saccade.rate/';
const here = new Map();
let refused = false;

/** A name of several parts; none of them can run into the next. */
export function nameOf(...parts) {
  return ROOT + parts.map((part) => encodeURIComponent(part)).join('/');
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    // Somebody else wrote under this name.
    return null;
  }
}

export function read(name) {
  if (here.has(name)) return structuredClone(here.get(name));
  try {
    return parsed(localStorage.getItem(name));
  } catch {
    return null;
  }
}

/** True where the value outlives this page. */
export function write(name, value) {
  try {
    localStorage.setItem(name, JSON.stringify(value));
    here.delete(name);
    refused = false;
    return true;
  } catch {
    here.set(name, structuredClone(value));
    refused = true;
    return false;
  }
}

export function drop(name) {
  here.delete(name);
  try {
    localStorage.removeItem(name);
  } catch {
    // There is no storage, so there was nothing in it.
  }
}

/** Every name that begins like this one. */
export function names(beginning) {
  const found = new Set([...here.keys()]);
  try {
    for (const name of Object.keys(localStorage)) found.add(name);
  } catch {
    // Only what lives in this page, then.
  }
  return [...found].filter((name) => name.startsWith(beginning));
}

/** False once a value could not be kept beyond this page. */
export function durable() {
  return !refused;
}
