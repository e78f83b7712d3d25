/**
 * A picture for a canvas, as its pixels lie in the file. The server has turned every picture upright already, but drawImage
 * and createImageBitmap heed the orientation that a file states, whatever style or option says: so the statement is taken out.
 * Sources: JPEG (ITU-T T.81, B.1.1), Exif 2.32 (4.7.2), PNG 3rd edition (5.3, eXIf), WebP container (RFC 9649, 2.7).
 */

function words(bytes, at, length) {
  return String.fromCharCode(...bytes.subarray(at, at + length));
}

/** Begin and end of each Exif segment of a JPEG before its pixels. */
function inJpeg(bytes, view) {
  const found = [];
  for (let at = 2; at + 10 <= bytes.length && bytes[at] === 0xff && bytes[at + 1] !== 0xda;) {
    const end = at + 2 + view.getUint16(at + 2);
    if (bytes[at + 1] === 0xe1 && words(bytes, at + 4, 4) === 'Exif') found.push([at, end]);
    at = end;
  }
  return found;
}

function inPng(bytes, view) {
  const found = [];
  for (let at = 8; at + 12 <= bytes.length;) {
    const end = at + 12 + view.getUint32(at);
    if (words(bytes, at + 4, 4) === 'eXIf') found.push([at, end]);
    at = end;
  }
  return found;
}

/** Where the names of a WebP's EXIF chunks stand. */
function inWebp(bytes, view) {
  const found = [];
  for (let at = 12; at + 8 <= bytes.length;) {
    const length = view.getUint32(at + 4, true);
    if (words(bytes, at, 4) === 'EXIF') found.push(at);
    at += 8 + length + (length % 2);
  }
  return found;
}

/** The file's parts without what it states of an orientation; null where it states nothing. */
export function withoutOrientation(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (words(bytes, 0, 4) === 'RIFF') {
    const chunks = inWebp(bytes, view);
    for (const at of chunks) bytes.set([0x6e, 0x6f, 0x6e, 0x65], at);
    return chunks.length ? [bytes] : null;
  }
  const png = words(bytes, 1, 3) === 'PNG';
  const jpeg = bytes[0] === 0xff && bytes[1] === 0xd8;
  const cuts = png ? inPng(bytes, view) : jpeg ? inJpeg(bytes, view) : [];
  if (!cuts.length) return null;
  const begins = [0, ...cuts.map(([, end]) => end)];
  const ends = [...cuts.map(([begin]) => begin), bytes.length];
  return begins.map((begin, k) => bytes.subarray(begin, ends[k]));
}

/** What to draw for an image that is loaded: itself, or its pixels as they lie. The file comes out of the browser's cache. */
export async function asItLies(image) {
  await image.decode();
  const blob = await (await fetch(image.currentSrc)).blob();
  const parts = withoutOrientation(new Uint8Array(await blob.arrayBuffer()));
  return parts ? createImageBitmap(new Blob(parts, { type: blob.type })) : image;
}
