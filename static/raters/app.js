/** The admin's screen: who may come in, and as what. */
import { button, el, fill, keepFocus } from '../viewer/dom.js';
import { getJson, sendJson } from '../viewer/api.js';
import { icon } from '../viewer/icons.js';
import { whenInSight } from '../viewer/mounting.js';
import { count, plural } from '../viewer/words.js';
import { failure, table, toaster } from '../studies/pieces.js';
import { moment } from '../studies/words.js';
import { AccountDialog } from './account.js';
import { NewRater } from './adding.js';
import { ROLES } from './words.js';

const COLUMNS = [{ title: 'Name' }, { title: 'Role' }, { title: 'Steps rated', number: true }, { title: 'Last seen' }, { title: '' }];
const OPEN_WORDS = 'No account has a password yet: a name is enough, and everybody at this machine may do everything. The first account has to be an admin’s; '
  + 'from then on everybody signs in with a password.';

function headline(raters, guarded) {
  const open = raters.filter((one) => one.open).length;
  const closed = raters.length > open ? `, ${count(raters.length - open)} closed` : '';
  if (!raters.length) return 'Nobody has said their name yet.';
  return guarded ? `${plural(open, 'open account')}${closed}` : `${plural(open, 'name')} said on this machine${closed}`;
}

export class RatersApp {
  #people = null;
  #loads = 0;

  constructor(root, host) {
    this.main = el('div', { class: 'rs-main' });
    this.say = toaster(root);
    this.adding = new NewRater((values) => this.#add(values), () => this.#button('add')?.focus());
    this.account = new AccountDialog((person, change) => this.#change(person, change));
    // The button that opened the window may have been drawn anew since.
    this.account.node.addEventListener('close', () => this.#button(`change-${this.account.id}`)?.focus());
    root.append(el('div', { class: 'pg' }, this.main), this.account.node);
    this.stop = whenInSight(host, (seen) => seen && this.load());
  }

  destroy() {
    this.stop();
  }

  #button(key) {
    return this.main.querySelector(`[data-key="${key}"]`);
  }

  /** Asks who there is. */
  async load() {
    this.#loads += 1;
    const load = this.#loads;
    try {
      const found = await getJson('api/raters');
      if (load === this.#loads) this.#take(found);
    } catch (error) {
      if (load === this.#loads) fill(this.main, failure(error.status === 403 ? 'This is for admins' : 'The raters could not be loaded', error, () => this.load()));
    }
  }

  #take(found) {
    this.#people = found;
    this.adding.suggest(found.guarded ? 'rater' : 'admin');
    keepFocus(this.main, () => this.#draw());
  }

  #draw() {
    const { raters, guarded } = this.#people;
    const add = button([icon('plus'), 'Add somebody'], () => this.adding.open(), { class: 'st-primary', 'data-key': 'add' });
    fill(
      this.main,
      el('header', { class: 'pg-head' }, el('div', {}, el('h2', { text: 'Raters' }), el('p', { class: 'sc-quiet', text: headline(raters, guarded) })), add),
      guarded ? null : el('p', { class: 'pg-note is-calm', text: OPEN_WORDS }),
      this.adding.node,
      raters.length ? el('div', { class: 'pg-card rs-table' }, table('Accounts', COLUMNS, raters.map((one) => this.#row(one)))) : null,
    );
  }

  #row(person) {
    const tags = [
      person.id === this.#people.you ? ['you', 'is-on'] : null,
      person.open ? null : ['closed', 'is-warn'],
      person.from_file ? ['from the file', ''] : null,
      person.password ? null : ['no password', ''],
    ].filter(Boolean);
    const name = el(
      'span',
      { class: `rs-name${person.open ? '' : ' is-closed'}` },
      el('bdi', { class: 'rs-name-words', text: person.name }),
      ...tags.map(([text, kind]) => el('span', { class: `pg-tag ${kind}`.trim(), text })),
    );
    const change = button('Change', () => this.account.open(person), { 'aria-label': `Change ${person.name}`, 'data-key': `change-${person.id}` });
    return [name, ROLES[person.role].title, count(person.ratings), moment(person.seen) || 'never', change];
  }

  /** Adds somebody; gives back the sentence of a refusal, or ''. */
  async #add(values) {
    const first = !this.#people.guarded;
    const sentence = await this.#send('POST', 'api/raters', values);
    if (sentence) return sentence;
    if (first) this.#shut(values.name);
    else this.say(`“${values.name.trim()}” may come in. Give them the password: it is not shown again.`);
    return '';
  }

  /** Changes somebody; gives back the sentence of a refusal, or ''. */
  async #change(person, change) {
    const sentence = await this.#send('PUT', `api/raters/${person.id}`, change);
    if (sentence) return sentence;
    const done = {
      role: `“${person.name}” has the role ${change.role}.`,
      password: `“${person.name}” has a new password, and is signed out everywhere.`,
      open: change.open ? `“${person.name}” may come in again.` : `“${person.name}” may not come in any more. What they rated stays.`,
    };
    this.say(done[Object.keys(change)[0]]);
    // Whoever changed themselves may be somebody else now, or nobody.
    if (person.id === this.#people.you) {
      dispatchEvent(new Event('saccade-session'));
      this.load();
    }
    return '';
  }

  async #send(method, path, value) {
    try {
      this.#take(await sendJson(method, path, value));
      return '';
    } catch (error) {
      if (error.status === 401) this.load();
      return error.message;
    }
  }

  /** The first password has shut the door: whoever stands here has to come in by it too. */
  #shut(name) {
    this.#loads += 1;
    dispatchEvent(new Event('saccade-session'));
    const to = new URL('../../sign-in', import.meta.url).href;
    const words = `From now on everybody signs in with a password, you too. “${name.trim()}” may add the others.`;
    const go = el('a', { class: 'sc-button st-primary', href: to, text: 'Sign in' });
    fill(this.main, el('section', { class: 'pg-empty', role: 'status' }, el('h2', { text: 'The first account is there' }), el('p', { text: words }), go));
    go.focus();
  }
}
