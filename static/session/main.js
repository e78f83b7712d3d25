/** The right end of the bar: who is signed in, and a way out. Empty where nobody is. */
import { el, fill } from '../viewer/dom.js';

const SESSION = new URL('../../api/session', import.meta.url);
const SIGN_IN = new URL('../../sign-in', import.meta.url);
const ROLES = { rater: 'rater', lead: 'lead', admin: 'admin' };

async function signOut(guarded) {
  const answer = await fetch(SESSION, { method: 'DELETE' });
  if (!answer.ok) return;
  if (guarded) location.assign(SIGN_IN);
  else location.reload();
}

/** Shows it in `element`, and again whenever a page of this window says that the session has changed. */
export function mount(element) {
  async function show() {
    const answer = await fetch(SESSION, { headers: { accept: 'application/json' } }).catch(() => null);
    const session = answer?.ok ? await answer.json().catch(() => null) : null;
    if (!session?.rater) {
      fill(element);
      return;
    }
    // Without accounts everybody may do everything: a role would say nothing.
    const role = session.guarded ? el('span', { class: 'sc-who-role', text: ROLES[session.rater.role] ?? '' }) : null;
    fill(
      element,
      el('span', { class: 'sc-who-name', text: session.rater.name, title: session.rater.name }),
      role,
      el('button', { type: 'button', class: 'sc-who-out', text: 'Sign out', onclick: () => signOut(session.guarded) }),
    );
  }
  addEventListener('saccade-session', show);
  show();
}
