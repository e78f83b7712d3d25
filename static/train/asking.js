/** Asking again and again: nothing comes over where nothing has changed. */
import { ServerSentence } from '../viewer/api.js';

const BASE = new URL('../../', import.meta.url);

/** Documents by their path, each asked for with the name of the one that is known. */
export class Known {
  #etags = new Map();

  /** The document, or null where it is still the one that was given before. Throws ServerSentence, or the AbortError of `signal`. */
  async ask(path, signal = undefined) {
    const etag = this.#etags.get(path);
    let response;
    try {
      response = await fetch(new URL(path, BASE), { signal, headers: { accept: 'application/json', ...(etag ? { 'if-none-match': etag } : {}) } });
    } catch (error) {
      if (error.name === 'AbortError') throw error;
      throw new ServerSentence('The server does not answer. See that Saccade is still running, then try again.');
    }
    if (response.status === 304) return null;
    const document = await response.json().catch(() => null);
    if (!response.ok || document === null) throw Object.assign(new ServerSentence(document?.error ?? 'The answer of the server was cut off. Try again.'), { status: response.status });
    this.#etags.set(path, response.headers.get('etag') ?? '');
    return document;
  }

  /** The next answer is a document in any case. */
  forget(path) {
    this.#etags.delete(path);
  }
}

/** Which run the address names; it is there only while the page is in sight. */
export function trainingInAddress() {
  return new URLSearchParams(location.search).get('training') ?? '';
}

export function writeTraining(run, { push = false } = {}) {
  const url = new URL(location.href);
  if (run) url.searchParams.set('training', run);
  else url.searchParams.delete('training');
  if (url.href !== location.href) history[push ? 'pushState' : 'replaceState'](history.state, '', url.href);
}
