/** How far a study is, and its versions. */
import { el } from '../viewer/dom.js';
import { count, plural } from '../viewer/words.js';
import { asks, differences } from './differences.js';
import { bar, table } from './pieces.js';
import { circleSize, duration, listed, moment, selectionWords } from './words.js';

function tile(title, figure, words, extra = null) {
  return el('div', { class: 'pg-card pg-tile' }, el('p', { class: 'pg-tile-title', text: title }), el('p', { class: 'pg-tile-figure', text: figure }), extra, el('p', { class: 'sc-quiet', text: words }));
}

function tiles(study) {
  const missing = Math.max(0, study.wanted - study.ratings);
  const paces = study.raters.filter((rater) => rater.seconds !== null);
  const pace = paces.length ? paces.reduce((sum, rater) => sum + rater.seconds * rater.done, 0) / Math.max(1, paces.reduce((sum, rater) => sum + rater.done, 0)) : null;
  const left = missing ? `${count(missing)} to come${pace ? `, ${duration(missing * pace)} of work` : ''}` : 'all that were wanted';
  const out = study.left_out ? `; ${plural(study.left_out, 'step')} left out` : '';
  return el(
    'div',
    { class: 'pg-tiles' },
    tile('Ratings that count', `${count(study.ratings)} of ${count(study.wanted)}`, left, bar(study.ratings, study.wanted)),
    tile('Steps with all their ratings', `${count(study.complete)} of ${count(study.items)}`, `${plural(study.settings.ratings_per_item, 'person', 'people')} a step${out}`, bar(study.complete, study.items)),
    tile('Raters', count(study.raters.length), study.raters.length ? `${plural(study.skipped, 'step')} skipped with a reason` : 'Nobody has rated yet'),
  );
}

function raters(study) {
  if (!study.raters.length) return el('p', { class: 'sc-quiet', text: 'Nobody has rated yet: send the link to those who shall.' });
  const columns = [{ title: 'Rater' }, { title: 'Done', number: true }, { title: 'Skipped', number: true }, { title: 'Open to them', number: true }, { title: 'Median time', number: true }, { title: 'Last rating' }];
  const rows = study.raters.map((rater) => [
    el('span', { dir: 'auto', text: rater.name }),
    count(rater.done),
    count(rater.skipped),
    count(rater.open),
    rater.seconds === null ? '–' : `${rater.seconds.toFixed(1)} s`,
    moment(rater.last) || '–',
  ]);
  return table('Raters of this study', columns, rows);
}

/** What raters are asked, as a list of sentences. */
function asked(study) {
  const { settings } = study;
  const lines = [
    ['Asked', listed(settings.questions.map((question) => `“${question.text}”`))],
    ['Steps', selectionWords(settings.selection)],
    ['Circle', `${circleSize(settings.circle)}, ${settings.circle.color}; “${settings.replacement}” in place of the coordinate`],
    ['Instructions', `${plural(settings.examples.length, 'worked example')}`],
  ];
  return el('dl', { class: 'pg-facts' }, ...lines.flatMap(([name, text]) => [el('dt', { text: name }), el('dd', { dir: 'auto', text })]));
}

function section(title, ...children) {
  return el('section', { class: 'pg-card st-section', 'aria-label': title }, el('h3', { text: title }), ...children);
}

/** The first part of a study: figures, raters, what is asked, and the link. */
export function overview(study, link) {
  const address = el('input', { class: 'st-input st-link', readonly: true, value: link, 'aria-label': 'Link for raters', 'data-key': 'link' });
  address.addEventListener('focus', () => address.select());
  return [
    tiles(study),
    section('Raters', raters(study)),
    el('div', { class: 'st-pair' }, section('What is asked', asked(study)), section('Link for raters', address, el('p', { class: 'sc-quiet', text: study.closed ? 'The study is closed: whoever follows it is told so.' : 'Whoever signs in there is asked the steps of this study, in an order of their own.' }))),
  ];
}

/** All versions, the newest first, each with what differs from the one before it. */
export function versions(study) {
  const list = study.versions.map((version, k) => {
    const before = study.versions[k - 1];
    const changes = before ? differences(before.settings, version.settings) : [];
    const broke = before && asks(before.settings) !== asks(version.settings);
    return el(
      'li',
      { class: 'pg-card st-version' },
      el('header', { class: 'st-version-head' }, el('h3', { text: `Version ${version.version}` }), el('p', { class: 'sc-quiet', text: [moment(version.added), version.actor, version.ratings === undefined ? '' : plural(version.ratings, 'rating')].filter(Boolean).join(' · ') })),
      before ? el('ul', { class: 'st-bullets' }, ...changes.map((text) => el('li', { dir: 'auto', text }))) : el('p', { class: 'sc-quiet', text: 'The first.' }),
      broke ? el('p', { class: 'pg-note', text: 'Other answers are asked for: earlier ratings are set apart, not mixed with later ones.' }) : null,
    );
  });
  return el('ol', { class: 'st-versions', reversed: true }, ...list.reverse());
}
