/** Asking the server. What it refuses is told to the person; where it does not answer, it is asked again. */

/** Everything is served beside this folder: /ui/rate/api.js -> /. */
const BASE = new URL('../../', import.meta.url);

/** After so long an answer is no longer waited for. A rating may then have been saved all the same: its token says which. */
const PATIENCE = 15_000;

/** The server refuses, and would again. Its message is meant for the person. */
export class Refused extends Error {
  constructor(sentence, status) {
    super(sentence);
    this.status = status;
  }
}

/** No answer, or one that says to try later. `wait` is how many seconds the server asks for, 0 where it says nothing. */
export class Unreachable extends Error {
  constructor(sentence, wait = 0) {
    super(sentence);
    this.wait = wait;
  }
}

const LATER = new Set([408, 425, 429]);

function sentence(body, status) {
  if (typeof body?.error === 'string') return body.error;
  if (typeof body?.detail === 'string') return body.detail;
  return `The server answered ${status} and gave no reason.`;
}

async function answered(url, options) {
  try {
    const response = await fetch(url, options);
    return [response, await response.json().catch(() => null)];
  } catch (error) {
    const words = error.name === 'TimeoutError' ? 'The server takes too long to answer.' : 'The server does not answer.';
    throw new Unreachable(words);
  }
}

/** The parsed answer. Throws Refused or Unreachable. */
export async function ask(method, path, value = undefined, { keepalive = false } = {}) {
  const headers = { accept: 'application/json' };
  if (value !== undefined) headers['content-type'] = 'application/json';
  const body = value === undefined ? undefined : JSON.stringify(value);
  const [response, answer] = await answered(new URL(path, BASE), { method, headers, body, keepalive, cache: 'no-store', signal: AbortSignal.timeout(PATIENCE) });
  if (response.ok && answer !== null) return answer;
  if (response.ok) throw new Unreachable('The answer of the server was cut off.');
  if (response.status >= 500 || LATER.has(response.status)) throw new Unreachable(sentence(answer, response.status), Number(response.headers.get('retry-after')) || 0);
  throw new Refused(sentence(answer, response.status), response.status);
}

/** A name that no other request will ever carry. Outside https and this machine the browser has no randomUUID. */
export function newToken() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
