/** Asking the server: JSON in, and on failure one sentence for the person. */

/** Everything is served beside this folder: /ui/viewer/api.js -> /. */
const BASE = new URL('../../', import.meta.url);

/** Its message is meant for the person. */
export class ServerSentence extends Error {}

/** An address on this very server; '' for anything else, so that nothing foreign is ever requested. */
export function ownUrl(address) {
  const url = new URL(address, BASE);
  return url.origin === BASE.origin ? url.href : '';
}

function address(path, params) {
  const url = new URL(path, BASE);
  for (const [name, value] of params) url.searchParams.append(name, value);
  return url;
}

/** What an error's body says in words: `error` is a sentence of ours, `detail` (text or a list of findings) the framework's own. */
function reason(body, status) {
  if (typeof body?.error === 'string') return body.error;
  const findings = [body?.detail ?? []].flat().map((one) => (typeof one === 'string' ? one : [one?.loc?.at?.(-1), one?.msg].filter(Boolean).join(': ')));
  const words = findings.filter(Boolean).join('; ').slice(0, 400);
  return words ? `The server refused the request (${status}): ${words}` : `The server answered ${status} and gave no reason.`;
}

/** The parsed answer to a request. Throws ServerSentence, with the status of an answer that refuses, or the AbortError of its signal. */
async function ask(url, options) {
  let response;
  try {
    response = await fetch(url, options);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ServerSentence('The server does not answer. See that Saccade is still running, then try again.');
  }
  const body = await response.json().catch((error) => {
    if (error.name === 'AbortError') throw error;
    return null;
  });
  if (!response.ok) throw Object.assign(new ServerSentence(reason(body, response.status)), { status: response.status });
  if (body === null) throw new ServerSentence('The answer of the server was cut off. Try again.');
  return body;
}

/** The parsed answer. Throws ServerSentence, or the AbortError of `signal`. */
export function getJson(path, params = [], signal = undefined) {
  return ask(address(path, params), { signal, headers: { accept: 'application/json' } });
}

/** The same for a request that changes something: `method` is POST, PUT or DELETE, `value` goes as JSON. */
export function sendJson(method, path, value = {}, signal = undefined) {
  const headers = { accept: 'application/json', 'content-type': 'application/json' };
  return ask(address(path, []), { method, signal, headers, body: JSON.stringify(value) });
}

/** The same for a file's bytes; its name, of any letters, goes in a header as an address would write it. */
export function sendFile(path, file, signal = undefined) {
  const headers = { accept: 'application/json', 'content-type': 'application/octet-stream', 'x-name': encodeURIComponent(file.name ?? '') };
  return ask(address(path, []), { method: 'POST', signal, headers, body: file });
}

const KEPT = 12;

/** One name for a trace in a data set: the same trace may stand in several. */
export function keyOf(id, dataset) {
  return JSON.stringify([id, dataset]);
}

/** Opened traces, the last few kept, so that going back and the next one are immediate. */
export class Traces {
  #kept = new Map();

  /** The view of a trace; asks the server once while it is kept. `dataset` tells which, where several data sets have it. */
  load(id, dataset = '') {
    const key = keyOf(id, dataset);
    const kept = this.#kept.get(key);
    this.#kept.delete(key);
    const view = kept ?? getJson(`api/traces/${encodeURIComponent(id)}`, dataset ? [['dataset', dataset]] : []);
    this.#kept.set(key, view);
    if (!kept) view.catch(() => this.#kept.delete(key));
    if (this.#kept.size > KEPT) this.#kept.delete(this.#kept.keys().next().value);
    return view;
  }

  /** Fetches a trace and its picture while nothing else is to be done; a failure shows when it is opened. */
  preload(id, dataset = '') {
    if (!id || this.#kept.has(keyOf(id, dataset))) return;
    const idle = globalThis.requestIdleCallback ?? ((run) => setTimeout(run, 200));
    idle(() => this.load(id, dataset).then((view) => { new Image().src = ownUrl(view.picture.url); }, () => {}));
  }
}

export function fileUrl(id) {
  return address(`api/traces/${encodeURIComponent(id)}/file`, []).href;
}
