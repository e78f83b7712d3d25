/** Asking for results: nothing comes over where nothing has changed. */
import { ServerSentence } from '../viewer/api.js';

const BASE = new URL('../../', import.meta.url);

/** The address of the results of a wish, or of a part of them. */
export function resultsAddress({ study, version, seed }, part = '') {
  const url = new URL(`api/results/${study}${part}`, BASE);
  if (version) url.searchParams.set('version', version);
  if (seed) url.searchParams.set('seed', seed);
  return url.href;
}

/** { document, etag }, with a null document where `etag` still names the results. Throws ServerSentence. */
export async function fetchResults(wish, etag, signal) {
  let response;
  try {
    response = await fetch(resultsAddress(wish), { signal, headers: { accept: 'application/json', ...(etag ? { 'if-none-match': etag } : {}) } });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ServerSentence('The server does not answer. See that Saccade is still running, then try again.');
  }
  if (response.status === 304) return { document: null, etag };
  const document = await response.json().catch(() => null);
  if (!response.ok) throw Object.assign(new ServerSentence(document?.error ?? `The server answered ${response.status} and gave no reason.`), { status: response.status });
  if (document === null) throw new ServerSentence('The answer of the server was cut off. Try again.');
  return { document, etag: response.headers.get('etag') ?? '' };
}
