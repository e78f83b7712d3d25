/** The curves of a run, one chart a figure or a group of them; those of another run lie over them, dashed. */
import { el, fill } from '../viewer/dom.js';
import { count } from '../viewer/words.js';
import { Plot } from '../results/plot.js';
import { value } from './words.js';

/** Okabe and Ito's, as in all charts of the program; a second round of them is dotted. */
const COLOURS = ['#0072B2', '#D55E00', '#009E73', '#CC79A7'];
const HEIGHT = 250;
/** So few points are drawn one by one. */
const SPARSE = 40;

/** A text of the data as a label: never read as the markup that Plotly knows. */
function label(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function line({ title, x, y }, k, { name = '', dashed = false, scale }) {
  const said = name ? `${title}, ${name}` : title;
  return {
    type: 'scatter',
    mode: x.length <= (dashed ? 3 : SPARSE) ? 'lines+markers' : 'lines',
    name: label(said),
    x,
    y: scale === 'log' ? y.map((one) => (one > 0 ? one : null)) : y,
    line: { color: COLOURS[k % COLOURS.length], width: dashed ? 1.5 : 2, dash: dashed ? 'dash' : k < COLOURS.length ? 'solid' : 'dot' },
    marker: { size: 5, symbol: dashed ? 'circle-open' : 'circle' },
    opacity: dashed ? 0.75 : 1,
    hovertemplate: `step %{x:,}: %{y:${scale === 'share' ? '.2%' : '.5~g'}}<extra>${label(said)}</extra>`,
  };
}

function layout({ scale, series }, stages, legend) {
  const shown = series.flatMap(({ y }) => y).filter((one) => one > 0);
  const decades = Math.log10(Math.max(...shown) / Math.min(...shown));
  const steps = { title: { text: 'step', font: { size: 12 }, standoff: 6 }, zeroline: false, automargin: true, rangemode: 'tozero', nticks: 6, tickformat: ',~d' };
  const values = { zeroline: false, automargin: true, type: scale === 'log' ? 'log' : 'linear', rangemode: scale === 'share' ? 'tozero' : 'normal', nticks: 6 };
  if (scale === 'share') values.tickformat = '.0%';
  // Over a few powers of ten 1, 2 and 5 of each are named, over many each power.
  if (scale === 'log') Object.assign(values, { dtick: decades > 3 ? 1 : 'D2', tickformat: '~g' });
  return {
    height: HEIGHT,
    margin: { l: 10, r: 12, t: legend ? 30 : 10, b: 24 },
    paper_bgcolor: 'rgba(0,0,0,0)',
    plot_bgcolor: 'rgba(0,0,0,0)',
    font: { family: 'system-ui, -apple-system, Segoe UI, Roboto, Noto Sans, DejaVu Sans, sans-serif', size: 12 },
    showlegend: legend,
    legend: { orientation: 'h', x: 0, y: 1, yanchor: 'bottom' },
    hovermode: 'closest',
    dragmode: false,
    xaxis: steps,
    yaxis: values,
    shapes: stages.slice(1).map(({ step }) => ({ type: 'line', xref: 'x', yref: 'paper', x0: step, x1: step, y0: 0, y1: 1, layer: 'below', line: { color: '#808080', width: 1, dash: 'dot' } })),
  };
}

/** The newest value of each line, in words. */
function newest({ series, scale }) {
  return series.map(({ title, x, y }) => `${title} ${value(y.at(-1), scale)}${x.length > 1 ? '' : ` (step ${count(x[0])})`}`).join(' · ');
}

class Curve {
  #plot;

  constructor(root) {
    this.#plot = new Plot(root);
    this.title = el('h3', {});
    this.now = el('p', { class: 'tr-now' });
    this.words = el('p', { class: 'rs-words' });
    this.warning = el('p', { class: 'pg-note', role: 'note' });
    this.node = el('figure', { class: 'pg-card rs-chart tr-chart' }, el('figcaption', {}, this.title, this.now), this.warning, this.words, this.#plot.node);
  }

  destroy() {
    this.#plot.destroy();
  }

  show(chart, other, { plotly, stages, name, otherName }) {
    const told = newest(chart);
    const compared = other ? newest(other) : '';
    this.node.dataset.chart = chart.id;
    this.title.textContent = chart.title;
    this.now.textContent = compared ? `${name}: ${told}. ${otherName}: ${compared}.` : told;
    this.words.textContent = chart.words;
    this.words.hidden = !chart.words;
    this.warning.textContent = chart.warning;
    this.warning.hidden = !chart.warning;
    const places = new Map(chart.series.map((one, k) => [one.name, k]));
    const mine = chart.series.map((one, k) => line(one, k, { name: other ? name : '', scale: chart.scale }));
    const theirs = (other?.series ?? []).map((one, k) => line(one, places.get(one.name) ?? chart.series.length + k, { name: otherName, dashed: true, scale: chart.scale }));
    const legend = mine.length + theirs.length > 1;
    const alt = `${chart.title} by step. ${compared ? `${name}: ${told}. ${otherName}: ${compared}` : `Newest: ${told}`}.`;
    this.#plot.set({ data: [...mine, ...theirs], layout: layout(chart, stages, legend) }, plotly, alt);
  }
}

export class Curves {
  #root;
  #charts = new Map();

  /** `root` is the page's root, which carries the theme. */
  constructor(root) {
    this.#root = root;
    this.stages = el('p', { class: 'sc-quiet' });
    this.grid = el('div', { class: 'rs-grid tr-grid' });
    this.node = el('div', { class: 'tr-curves' }, this.stages, this.grid);
  }

  destroy() {
    for (const chart of this.#charts.values()) chart.destroy();
    this.#charts.clear();
  }

  /** `mine` and `other` are documents of runs; `other` may be null. */
  show(mine, other) {
    const { charts, stages, plotly, run } = mine;
    this.stages.hidden = stages.length < 2;
    this.stages.textContent = `Dotted lines part the stages: ${stages.map(({ step, name }) => `${name} from step ${count(step)}`).join(', ')}.`;
    const wanted = new Map(charts.map((one) => [one.id, one]));
    for (const [id, chart] of this.#charts) {
      if (wanted.has(id)) continue;
      chart.destroy();
      this.#charts.delete(id);
    }
    for (const chart of charts) {
      if (!this.#charts.has(chart.id)) this.#charts.set(chart.id, new Curve(this.#root));
      const theirs = other?.charts.find((one) => one.id === chart.id) ?? null;
      this.#charts.get(chart.id).show(chart, theirs, { plotly, stages, name: run.name, otherName: other?.run.name ?? '' });
    }
    const nodes = charts.map(({ id }) => this.#charts.get(id).node);
    const there = [...this.grid.children];
    if (there.length !== nodes.length || nodes.some((node, k) => node !== there[k])) fill(this.grid, nodes.length ? nodes : el('p', { class: 'sc-quiet', text: run.going ? 'The first figures come with the first steps.' : 'This run has no figures.' }));
  }
}
