/** Where marks are drawn when their points coincide or lie outside the picture. Pure functions of screen places. */

/** Up to so many marks are fanned out around their common place; more are stacked, with their number said. */
export const FAN = 12;

/** Groups of places closer than `near` to the first of each group: lists of indices, in order. */
export function groups(places, near) {
  const found = [];
  places.forEach((place, index) => {
    if (!place) return;
    const home = found.find(({ x, y }) => Math.hypot(x - place.x, y - place.y) < near);
    if (home) home.members.push(index);
    else found.push({ x: place.x, y: place.y, members: [index] });
  });
  return found;
}

function fan(group, places, room) {
  const n = group.members.length;
  const radius = Math.max(room, (n * room * 1.3) / (2 * Math.PI));
  const centre = group.members.reduce((sum, i) => ({ x: sum.x + places[i].x / n, y: sum.y + places[i].y / n }), { x: 0, y: 0 });
  const [first] = group.members;
  const away = Math.hypot(places[first].x - centre.x, places[first].y - centre.y);
  const start = away > 1 ? Math.atan2(places[first].y - centre.y, places[first].x - centre.x) : -Math.PI / 2 - (n === 2 ? Math.PI / 2 : 0);
  return group.members.map((index, k) => {
    const angle = start + (2 * Math.PI * k) / n;
    return [index, { x: centre.x + radius * Math.cos(angle), y: centre.y + radius * Math.sin(angle), moved: true, size: n }];
  });
}

/**
 * The drawn place of every mark: `moved` where it was taken off its point (a leader then leads back), `size` how many
 * share the place. `places` may hold nulls; `room` is the distance of a fanned mark from its group's middle; the mark
 * number `kept` stays on its point, and the others stay where they would be without it.
 */
export function spread(places, near, room, kept = -1) {
  const drawn = places.map((place) => place && { ...place, moved: false, size: 1 });
  for (const group of groups(places, near)) {
    if (group.members.length === 1) continue;
    if (group.members.length > FAN) for (const i of group.members) drawn[i].size = group.members.length;
    else for (const [i, place] of fan(group, places, room)) drawn[i] = i === kept ? { ...drawn[i], size: place.size } : place;
  }
  return drawn;
}

/** Distances, in units of the marks: between two points that keep their marks, two marks, and a mark and another's point. */
const ALONE = 26;
const APART = 30;
const OFF = 19;
const RINGS = [30, 40, 52, 66, 82, 100];
const DIRECTIONS = 16;
const CROWD = 200;

function nearest(place, others) {
  return Math.min(Infinity, ...others.map(({ x, y }) => Math.hypot(x - place.x, y - place.y)));
}

/** Places around a point, the nearest first, that lie inside `size`. */
function around({ x, y }, size, unit) {
  const edge = 15 * unit;
  const places = RINGS.flatMap((ring) => Array.from({ length: DIRECTIONS }, (_, k) => {
    const angle = (2 * Math.PI * k) / DIRECTIONS - Math.PI / 2;
    return { x: x + ring * unit * Math.cos(angle), y: y + ring * unit * Math.sin(angle) };
  }));
  return places.filter((place) => place.x >= edge && place.y >= edge && place.x <= size.width - edge && place.y <= size.height - edge);
}

/** Where a mark finds room beside its point; where there is none, the place farthest from the marks that stand already. */
function beside(point, points, taken, size, unit) {
  const places = around(point, size, unit);
  const free = places.find((place) => nearest(place, taken) >= APART * unit && nearest(place, points) >= OFF * unit);
  if (free) return free;
  const rated = places.map((place) => ({ place, room: nearest(place, taken) }));
  return rated.reduce((best, one) => (one.room > best.room ? one : best), { place: point, room: -1 }).place;
}

/**
 * For a picture that stands still: marks stand on their points where these lie alone, and else beside all points, clear of one
 * another. In and out as for `spread`; more than FAN at one place are stacked there, and more than CROWD are never moved:
 * no room would be left beside them.
 */
export function part(points, size, unit) {
  const drawn = points.map((point) => ({ ...point, moved: false, size: 1 }));
  for (const { members } of groups(points, 17 * unit)) if (members.length > FAN) for (const i of members) drawn[i].size = members.length;
  if (points.length > CROWD) return drawn;
  const crowded = points.map((point, i) => drawn[i].size === 1 && nearest(point, points.filter((_, k) => k !== i)) < ALONE * unit);
  const taken = points.filter((_, i) => !crowded[i]);
  points.forEach((point, i) => {
    if (!crowded[i]) return;
    drawn[i] = { ...drawn[i], ...beside(point, points, taken, size, unit), moved: true };
    taken.push(drawn[i]);
  });
  return drawn;
}

/** The edge place of a point outside `size`, in picture pixels, and the direction (degrees, 0 = right) in which it lies. */
export function edgePlace(point, size) {
  const x = Math.min(size.width, Math.max(0, point.x));
  const y = Math.min(size.height, Math.max(0, point.y));
  return { x, y, angle: (Math.atan2(point.y - y, point.x - x) * 180) / Math.PI };
}
