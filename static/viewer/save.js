/** Saving: what is in view as a PNG at the picture's own resolution, with its words below it; and any file by link. */
import { layOut, paintLegend } from './legend.js';
import { paintOverlay, ROOM, wordsRoom } from './paint.js';
import { asItLies } from './upright.js';

/** Larger canvases are not drawn by every browser; a larger picture is saved smaller, and the person is told. */
const LONGEST = 16_000;
const LARGEST = 120e6;
const GROUND = '#ffffff';

/** A legend on a narrower paper could not be read: picture pixels, and for a large picture units of the marks. */
const NARROWEST = 720;
const NARROWEST_UNITS = 360;

export function download(href, name) {
  const link = document.createElement('a');
  link.href = href;
  link.download = name;
  link.click();
}

function fileName(views) {
  const words = views[0].question.normalize('NFKD').replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-+|-+$/g, '').slice(0, 60);
  return `${[words || 'trace', ...views.map(({ id }) => id.slice(0, 8))].join('-')}.png`;
}

function canvasOf(width, height) {
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width, height });
  return canvas;
}

/** One pane's part: its size in picture pixels, and how it is painted with its upper left corner at (0, 0). The picture stands in its middle. */
function sheet(pane, pixels, layers) {
  const { width, height } = pane.view.picture;
  const unit = Math.max(0.8, Math.max(width, height) / 1100);
  const drawing = canvasOf(1, 1).getContext('2d');
  const words = width < NARROWEST_UNITS * unit ? 2 * wordsRoom(drawing, pane.view, unit) : 0;
  const across = Math.max(width, NARROWEST, Math.ceil(NARROWEST_UNITS * unit), Math.ceil(words));
  const left = Math.floor((across - width) / 2);
  const top = height < ROOM * unit ? Math.ceil(ROOM * unit) : 0;
  const band = height + 2 * top;
  const legend = layOut(drawing, pane.view, across, unit);
  const paint = (pen) => {
    pen.drawImage(pixels, left, top, width, height);
    pen.save();
    pen.beginPath();
    pen.rect(0, 0, across, band);
    pen.clip();
    pen.translate(left, top);
    paintOverlay(pen, pane, layers, unit, { left: -left, right: across - left, top: -top, bottom: height + top });
    pen.restore();
    paintLegend(pen, legend.lines, band, unit);
  };
  return { width: across, height: band + legend.height, gap: Math.round(16 * unit), paint };
}

/** The sheets side by side, on one canvas. */
function draw(sheets) {
  const between = sheets.length > 1 ? Math.max(...sheets.map(({ gap }) => gap)) : 0;
  const width = sheets.reduce((sum, one) => sum + one.width, between * (sheets.length - 1));
  const height = Math.max(...sheets.map((one) => one.height));
  const shrink = Math.min(1, LONGEST / Math.max(width, height), Math.sqrt(LARGEST / (width * height)));
  const canvas = canvasOf(Math.round(width * shrink), Math.round(height * shrink));
  const pen = canvas.getContext('2d');
  pen.scale(shrink, shrink);
  pen.fillStyle = GROUND;
  pen.fillRect(0, 0, width, height);
  for (const one of sheets) {
    one.paint(pen);
    pen.translate(one.width + between, 0);
  }
  return { canvas, shrink };
}

function savedWords(number, shrink) {
  const what = number > 1 ? 'Both pictures saved, side by side in one file' : 'Picture saved';
  return shrink < 1 ? `${what}, at ${Math.round(shrink * 100)} % of its size: the browser draws no larger one.` : `${what}.`;
}

/** Draws what the panes show and offers it as one download. Gives back the words for the person; throws an Error with a sentence. */
export async function savePicture(panes, layers) {
  const pixels = await Promise.all(panes.map((pane) => asItLies(pane.stage.picture))).catch(() => {
    throw new Error('The picture is not loaded, so it cannot be saved.');
  });
  const { canvas, shrink } = draw(panes.map((pane, k) => sheet(pane, pixels[k], layers)));
  const blob = await new Promise((done) => { canvas.toBlob(done, 'image/png'); });
  if (!blob) throw new Error('The browser could not draw a picture of this size.');
  const href = URL.createObjectURL(blob);
  download(href, fileName(panes.map(({ view }) => view)));
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
  return savedWords(panes.length, shrink);
}
