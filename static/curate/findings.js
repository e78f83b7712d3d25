/** What a rule takes: how many, which condition turns down how many, what is left out, the split, and the file. */
import { button, el, fill } from '../viewer/dom.js';
import { icon } from '../viewer/icons.js';
import { count, plural } from '../viewer/words.js';
import { bar, table } from '../studies/pieces.js';

const BASE = new URL('../../', import.meta.url);

function sentence(counts) {
  const traces = plural(counts.passed, 'trace');
  if (!counts.rated) return 'No rating of this study counts at present.';
  if (!counts.passed) return 'No trace passes. The list below says which condition turns down how many.';
  const people = counts.records ? `, on the word of ${plural(counts.raters, 'person', 'people')}` : '';
  return `${traces} of ${plural(counts.rated, 'rated trace')} ${counts.passed === 1 ? 'passes' : 'pass'}${people}.`;
}

/** The number that matters, and one sentence. */
function headline({ counts }) {
  return el(
    'section',
    { class: 'pg-card cu-headline', 'aria-label': 'What would be exported' },
    el('p', { class: 'cu-figure' }, el('strong', { text: count(counts.records) }), ` ${counts.records === 1 ? 'record' : 'records'}`),
    el('p', { text: sentence(counts) }),
  );
}

/** One line of the funnel: what is asked, how many are left behind it, how many it turned down. */
function level(title, words, left, rated, down) {
  const lost = down === null ? null : el('span', { class: 'cu-lost', text: down ? `−${count(down)}` : 'none' });
  return el(
    'li',
    { class: 'cu-level' },
    el('span', { class: 'cu-level-title', title: words }, title),
    bar(left, rated),
    el('span', { class: 'cu-left', text: count(left) }),
    lost ? el('span', {}, lost, el('span', { class: 'sc-hidden', text: ' turned down' })) : el('span', {}),
  );
}

function funnel({ counts, failed }) {
  const levels = [level('Rated', 'Traces with ratings that count', counts.rated, counts.rated, null)];
  for (const one of failed) levels.push(level(el('code', { text: one.condition }), one.words, one.left, counts.rated, one.n));
  return el('section', { class: 'pg-card', 'aria-label': 'How many pass each condition' }, el('h3', { text: 'How many pass each condition' }), el('ol', { class: 'cu-funnel' }, ...levels));
}

/** What becomes of the traces that pass: corrected, or left out with the reason. */
function corrections({ counts, left_out: leftOut }) {
  const lines = leftOut.map(({ reason, n }) => el('li', {}, el('strong', { text: plural(n, 'trace') }), ` left out: ${reason}.`));
  if (counts.corrected_points) {
    lines.unshift(el('li', {}, el('strong', { text: plural(counts.corrected_points, 'point') }), ` moved by people, in ${plural(counts.corrected_traces, 'trace')}.`));
  }
  return lines.length ? el('section', { class: 'pg-card', 'aria-label': 'Corrected and left out' }, el('h3', { text: 'Corrected and left out' }), el('ul', { class: 'cu-lines' }, ...lines)) : null;
}

function splits({ splits: every, counts }) {
  const names = { train: 'Train', validation: 'Validation', test: 'Test' };
  const columns = [{ title: 'Split' }, { title: 'Records', number: true }, { title: 'Pictures', number: true }, { title: '' }];
  const rows = every.map((one) => [names[one.split] ?? one.split, count(one.records), count(one.pictures), bar(one.records, counts.records)]);
  return el('section', { class: 'pg-card', 'aria-label': 'Split by picture' }, el('h3', { text: 'Split by picture' }), table('Records and pictures in each split', columns, rows, { class: 'cu-splits' }));
}

/** Where the file is made: here, or on the command line. */
class File {
  #command = '';

  constructor(say) {
    const link = (name, label) => el('a', { class: 'sc-button', download: name }, icon('save'), label);
    this.records = link('records.jsonl', 'Records (JSONL)');
    this.manifest = link('records.jsonl.manifest.json', 'Manifest (JSON)');
    this.code = el('code', { class: 'cu-command', tabindex: '0', role: 'textbox', 'aria-readonly': 'true', 'aria-label': 'Command that writes the same file' });
    this.note = el('p', { class: 'st-hint', hidden: true, text: 'The address of the database is not in the command, because it may hold a password: give it by --database or SACCADE_DATABASE.' });
    const copy = button('Copy', async () => {
      try {
        await navigator.clipboard.writeText(this.#command);
        say('Copied.');
      } catch {
        getSelection().selectAllChildren(this.code);
        say('The browser does not let this page copy: the command is marked, so press Ctrl C.');
      }
    }, { 'aria-label': 'Copy the command' });
    this.node = el(
      'section',
      { class: 'pg-card cu-file', 'aria-label': 'The file' },
      el('h3', { text: 'The file' }),
      el('p', { class: 'sc-quiet', text: 'Curated records, one a line, with a manifest that says by which rule, whose ratings and which guideline. Keep the two together. The same rule gives the same bytes.' }),
      el('div', { class: 'cu-buttons' }, this.records, this.manifest),
      el('div', { class: 'cu-command-line' }, this.code, copy),
      this.note,
    );
  }

  show({ study, canonical, command, elsewhere }, recipe) {
    this.#command = command;
    if (this.code.textContent !== command) this.code.textContent = command;
    this.note.hidden = !elsewhere;
    const query = new URLSearchParams({ rule: canonical, ...recipe });
    this.records.href = new URL(`api/curation/${study.id}/records.jsonl?${query}`, BASE).href;
    this.manifest.href = new URL(`api/curation/${study.id}/manifest.json?${query}`, BASE).href;
  }
}

export class Findings {
  constructor(say) {
    this.file = new File(say);
    this.counts = el('div', { class: 'cu-counts' });
    this.node = el('div', { class: 'cu-findings' }, this.counts, this.file.node);
  }

  /** `found` is the answer of a preview, `recipe` what was sent with its rule. */
  show(found, recipe) {
    const beside = el('div', { class: 'cu-column' });
    fill(beside, corrections(found), splits(found));
    fill(this.counts, headline(found), el('div', { class: 'cu-pair' }, funnel(found), beside));
    this.file.show(found, recipe);
  }
}
