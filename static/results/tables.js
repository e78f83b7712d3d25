/** The tables under the charts: the same figures in words and numbers, as nodes. Files have every column. */
import { el } from '../viewer/dom.js';
import { count } from '../viewer/words.js';
import { table } from '../studies/pieces.js';
import { change, decimals, ends, figure, probability, whole } from './words.js';

const text = (value) => el('span', { dir: 'auto', text: value });

function headline({ headlines }, unit) {
  const columns = [{ title: 'Figure' }, { title: 'Value', number: true }, { title: 'Interval', number: true }, { title: 'over traces', number: true }, { title: 'over raters', number: true }, { title: 'Ratings', number: true }, { title: 'Steps', number: true }, { title: 'Raters', number: true }, { title: 'Paper', number: true }];
  const rows = headlines.filter((one) => one.unit === unit).map((one) => [
    text(one.title),
    one.value === null ? one.words : figure(one.value, one.unit),
    ...['both', 'trace', 'rater'].map((which) => ends(one.intervals[which], one.unit) || '–'),
    count(one.n.ratings),
    count(one.n.steps),
    count(one.n.raters),
    one.paper ? `${figure(one.paper.value, one.unit)} ${ends(one.paper, one.unit)}` : '–',
  ]);
  return table(`Headline figures, ${unit === 'share' ? 'shares' : 'scores'}`, columns, rows);
}

function breakdown({ breakdowns }, id) {
  const found = breakdowns.find((one) => one.id === id);
  if (!found?.rows.length) return null;
  const columns = [{ title: found.title }, ...found.rows[0].figures.map(({ title }) => ({ title }))];
  return table(`By ${found.title.toLowerCase()}`, columns, found.rows.map((row) => [text(row.label), ...row.figures.map((one) => whole(one))]));
}

function without({ leave_one_out: found }) {
  const shown = found.filter((one) => one.rows.length);
  if (!shown.length) return null;
  const raters = [...new Set(shown.flatMap((one) => one.rows.map((row) => row.rater)))];
  const cell = (one, rater) => {
    const row = one.rows.find((entry) => entry.rater === rater);
    return row?.value === null || !row ? '–' : `${figure(row.value, one.unit)} (${change(row.change, one.unit)}), n = ${count(row.n)}`;
  };
  return table('Without one rater', [{ title: 'Left out' }, ...shown.map(({ title }) => ({ title }))], raters.map((rater) => [text(rater), ...shown.map((one) => cell(one, rater))]));
}

function agreement({ agreement: found }) {
  const columns = [{ title: 'Question' }, { title: 'Answers taken as' }, { title: 'Coefficient' }, { title: 'Value', number: true }, { title: 'Interval', number: true }, { title: 'Steps', number: true }, { title: 'Ratings', number: true }, { title: 'How to read it' }];
  const rows = found.flatMap((one) => one.coefficients.map((entry) => [
    text(one.title),
    one.level === 'ordinal' ? `ordered: ${one.answers.join(', ')}` : `names: ${one.answers.join(', ')}`,
    entry.title,
    entry.id === 'percent' && entry.value !== null ? figure(entry.value, 'share') : decimals(entry.value, 2),
    ends(entry.interval, entry.id === 'percent' ? 'share' : 'score') || '–',
    count(one.n.steps),
    count(one.n.ratings),
    [entry.words, entry.reading].filter(Boolean).join(' '),
  ]));
  return rows.length ? table('Agreement of raters', columns, rows) : null;
}

function distances(points, name, words) {
  const found = points[name];
  const row = (what, one, unit, digits) => [text(points.title), words, what, one.value === null ? one.words : decimals(one.value, digits, unit), ends(one.interval, 'score') || '–', count(one.n)];
  const within = found.within.map((one) => [text(points.title), words, `within ${one.tolerance} widths`, one.share === null ? '–' : figure(one.share, 'share'), ends(one.interval, 'share') || '–', count(one.n)]);
  return [row('median, pixels', found.pixels, ' px', 1), row('median, widths of the picture', found.widths, '', 3), ...within];
}

function points({ points: found }) {
  const some = found.filter((one) => one.n.points > 0 || one.n.boxes > 0);
  if (!some.length) return null;
  const columns = [{ title: 'Points' }, { title: 'Distance' }, { title: 'Figure' }, { title: 'Value', number: true }, { title: 'Interval', number: true }, { title: 'n', number: true }];
  const boxes = (one) => (one.boxes?.n ? [[text(one.title), 'boxes that raters drew', 'hold the model’s point', figure(one.boxes.hit, 'share'), '–', count(one.boxes.n)]] : []);
  return table('Agreement of points', columns, some.flatMap((one) => [...distances(one, 'between', 'between two raters'), ...distances(one, 'from_model', 'from the model to the raters'), ...boxes(one)]));
}

function pairs({ pairs: found }) {
  if (!found.rows.length) return null;
  const columns = [{ title: 'Figure' }, { title: 'A' }, { title: 'B' }, { title: 'Items', number: true }, { title: 'A', number: true }, { title: 'B', number: true }, { title: 'Difference', number: true }, { title: 'Interval', number: true }, { title: 'p', number: true }, { title: 'p (Holm)', number: true }];
  const rows = found.rows.map((row) => [
    row.title,
    text(row.a),
    text(row.b),
    count(row.samples),
    row.mean_a === null ? '–' : figure(row.mean_a, row.unit),
    row.mean_b === null ? '–' : figure(row.mean_b, row.unit),
    row.difference === null ? row.words : change(row.difference, row.unit),
    ends(row.interval, row.unit) || '–',
    probability(row.p),
    probability(row.p_holm),
  ]);
  return table('Pairs of policies', columns, rows);
}

/** How often each answer was given, read off the chart that shows it. */
function answers(chart) {
  if (!chart.plotly) return null;
  const bars = chart.plotly.data;
  const columns = [{ title: 'Answer' }, ...bars.map(({ name, showlegend: named, y }) => ({ title: named ? name.replace(/ \(n = .*\)$/, '') : `Ratings (n = ${count(y.reduce((sum, one) => sum + one, 0))})`, number: true }))];
  return table(chart.title, columns, bars[0].x.map((answer, k) => [text(answer), ...bars.map(({ y }) => count(y[k]))]));
}

function seconds({ raters }) {
  const columns = [{ title: 'Rater' }, { title: 'Median', number: true }, { title: 'Middle half', number: true }, { title: 'n', number: true }];
  return table('Time on a step', columns, raters.map(({ rater, seconds: one }) => [text(rater), decimals(one.median, 1, ' s'), one.q1 === null ? '–' : `${one.q1.toFixed(1)} to ${one.q3.toFixed(1)} s`, count(one.n)]));
}

function drift({ raters, headlines }) {
  const names = { seconds: ['Seconds', 'seconds'], ...Object.fromEntries(headlines.map((one) => [one.id, [one.title, one.unit]])) };
  const say = (value, unit) => (value === null ? '–' : unit === 'seconds' ? `${value.toFixed(1)} s` : figure(value, unit));
  const columns = [{ title: 'Rater' }, { title: 'Figure' }, { title: 'First half', number: true }, { title: 'Second half', number: true }, { title: 'rho', number: true }, { title: 'p', number: true }, { title: 'n', number: true }, { title: '' }];
  const rows = raters.flatMap((row) => row.drift.map((one) => {
    const [title, unit] = names[one.id] ?? [one.id, 'score'];
    return [text(row.rater), title, say(one.first, unit), say(one.second, unit), decimals(one.rho, 2), probability(one.p), count(one.n), one.words];
  }));
  return rows.length ? table('Drift of raters', columns, rows) : null;
}

/** The table that belongs to a chart of the document; null where there is nothing in it. */
export function tableOf(chart, document) {
  if (chart.id.startsWith('by_')) return breakdown(document, chart.id.slice(3));
  if (chart.id.startsWith('answers_')) return answers(chart);
  const makers = { accuracy: (found) => headline(found, 'share'), helpfulness: (found) => headline(found, 'score'), leave_one_out: without, agreement, corrections: points, pairs, speed: seconds, drift };
  return makers[chart.id]?.(document) ?? null;
}
