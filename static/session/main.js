/** The right end of the bar: who is signed in, their password, and a way out. Empty where nobody is. */
import { el, fill } from '../viewer/dom.js';
import { icon } from '../viewer/icons.js';
import { mountPage } from '../viewer/mounting.js';
import { PasswordDialog } from './password.js';

const SESSION = new URL('../../api/session', import.meta.url);
const SIGN_IN = new URL('../../sign-in', import.meta.url);
const ROLES = { rater: 'rater', lead: 'lead', admin: 'admin' };
const SHEETS = ['../viewer/base.css', '../studies/page.css', '../studies/form.css', 'session.css'].map((name) => new URL(name, import.meta.url).href);

async function signOut(guarded) {
  const answer = await fetch(SESSION, { method: 'DELETE' });
  if (!answer.ok) return;
  if (guarded) location.assign(SIGN_IN);
  else location.reload();
}

/** Shows it in `element`, and again whenever a page of this window says that the session has changed. */
export function mount(element) {
  const line = el('span', { class: 'sc-who-line' });
  const room = el('div', { class: 'sc-who-room' });
  let dialog = null;
  fill(element, line, room);

  /** The window for a new password, made when it is first asked for: its styles are loaded then. */
  async function changePassword(rater) {
    // The button may have been drawn anew since, and the page may have moved the focus before the window was there.
    const back = () => line.querySelector('.sc-who-me')?.focus();
    dialog ??= new Promise((made) => {
      mountPage(room, SHEETS, (root) => made(new PasswordDialog(root, back)));
    });
    (await dialog).open(rater);
  }

  function name(rater, guarded) {
    if (!guarded) return el('span', { class: 'sc-who-name', text: rater.name, title: rater.name });
    const words = [el('span', { class: 'sc-who-name', text: rater.name }), icon('down')];
    const options = { 'aria-label': `${rater.name}: change your password`, title: `${rater.name}: change your password`, 'aria-haspopup': 'dialog' };
    return el('button', { type: 'button', class: 'sc-who-me', onclick: () => changePassword(rater), ...options }, ...words);
  }

  async function show() {
    const answer = await fetch(SESSION, { headers: { accept: 'application/json' } }).catch(() => null);
    const session = answer?.ok ? await answer.json().catch(() => null) : null;
    const rater = session?.rater;
    (await dialog)?.belongsTo(rater);
    if (!rater) {
      fill(line);
      return;
    }
    // Without accounts everybody may do everything: a role would say nothing.
    const role = session.guarded ? el('span', { class: 'sc-who-role', text: ROLES[rater.role] ?? '' }) : null;
    fill(line, name(rater, session.guarded), role, el('button', { type: 'button', class: 'sc-who-out', text: 'Sign out', onclick: () => signOut(session.guarded) }));
  }
  addEventListener('saccade-session', show);
  show();
}
