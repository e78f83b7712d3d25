/** Signing in: asks /api/session, says what it answers, and goes on to where the person was going. */

const SESSION = '/api/session';
const ROLES = { rater: 'You may rate.', lead: 'You may rate, and lead studies.', admin: 'You may do everything.' };
const NAMES_SHOWN = 8;

const guarded = document.body.dataset.guarded === 'yes';
const at = (id) => document.getElementById(id);

/** Where to go on: an address of this very server, or the first page that this role may see. */
function destination(role) {
  const first = role === 'rater' ? '/rate' : '/';
  const next = new URLSearchParams(location.search).get('next');
  if (!next?.startsWith('/')) return first;
  try {
    const url = new URL(next, location.origin);
    // "//elsewhere" and "/\elsewhere" begin with a slash too: what counts is what a browser makes of it.
    return url.origin === location.origin && url.pathname !== '/sign-in' ? url.href : first;
  } catch {
    return first;
  }
}

/** The parsed answer; its `error` is a sentence where it is a refusal. */
async function ask(method, body) {
  const options = { method, headers: { accept: 'application/json' } };
  if (body) {
    options.body = JSON.stringify(body);
    options.headers['content-type'] = 'application/json';
  }
  try {
    const answer = await fetch(SESSION, options);
    const said = await answer.json().catch(() => ({}));
    return answer.ok ? said : { error: said.error ?? `The server answered ${answer.status} and gave no reason.` };
  } catch {
    return { error: 'The server does not answer. See that Saccade is still running, then try again.' };
  }
}

/** Fields that are empty are named before anything is sent. */
function missing() {
  const empty = [at('name'), at('password')].filter((field) => field && !(field.id === 'name' ? field.value.trim() : field.value));
  for (const field of [at('name'), at('password')]) field?.setAttribute('aria-invalid', String(empty.includes(field)));
  empty[0]?.focus();
  return empty.map((field) => field.id);
}

let busy = false;

async function signIn(event) {
  event?.preventDefault();
  if (busy) return;
  const empty = missing();
  if (empty.length) {
    at('said').textContent = `Give your ${empty.join(' and your ')}.`;
    return;
  }
  busy = true;
  const go = document.querySelector('#sign-in .go');
  go.setAttribute('aria-disabled', 'true');
  at('said').textContent = '';
  const answer = await ask('POST', { name: at('name').value, password: at('password')?.value ?? '' });
  busy = false;
  go.removeAttribute('aria-disabled');
  if (answer.rater) {
    location.assign(destination(answer.rater.role));
    return;
  }
  at('said').textContent = answer.error ?? 'Nobody was signed in. Try again.';
  const field = at('password') ?? at('name');
  field.focus();
  field.select?.();
}

/** Shows or hides the password; it is hidden again when it is sent. */
function followShow() {
  const show = at('show');
  const set = (shown) => {
    at('password').type = shown ? 'text' : 'password';
    show.setAttribute('aria-pressed', String(shown));
    show.textContent = shown ? 'Hide' : 'Show';
    show.setAttribute('aria-label', shown ? 'Hide password' : 'Show password');
  };
  show.addEventListener('click', () => set(show.getAttribute('aria-pressed') !== 'true'));
  at('sign-in').addEventListener('submit', () => set(false));
  set(false);
}

/** Names said before on this machine, each a button. */
function offer(names) {
  const buttons = names.slice(0, NAMES_SHOWN).map((name) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = name;
    button.dir = 'auto';
    button.addEventListener('click', () => {
      at('name').value = name;
      signIn();
    });
    return button;
  });
  at('names').replaceChildren(...buttons);
  at('names').hidden = !buttons.length;
}

async function signOut() {
  const answer = await ask('DELETE');
  if (answer.error) at('left').textContent = answer.error;
  else location.reload();
}

/** Somebody who is signed in already may go on, or out. */
function welcome(rater) {
  at('sign-in').hidden = true;
  at('here').hidden = false;
  at('who').textContent = guarded ? `You are signed in as ${rater.name}` : `You rate as ${rater.name}`;
  at('role').textContent = guarded ? ROLES[rater.role] ?? '' : 'This machine is not guarded: a name is enough.';
  at('out').textContent = guarded ? 'Sign out' : 'Another name';
  at('on').href = destination(rater.role);
  at('out').addEventListener('click', signOut);
  at('who').focus();
}

at('sign-in').addEventListener('submit', signIn);
if (at('show')) followShow();

const session = await ask('GET');
if (session.rater) welcome(session.rater);
else if (at('names')) offer(session.remembered ?? []);
