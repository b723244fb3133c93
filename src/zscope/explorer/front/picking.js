/**
 * Which points lie under the pointer, and which inside a lasso: exact, over all points.
 */
import { stretchesIn } from "./order.js";
import { placeAt } from "./view.js";

const STRIPS = 512;

/**
 * Row of the point nearest to a pixel.
 * @param {object} sorted points, of `sortByPlace`
 * @param {object} view
 * @param {number} px CSS pixels of the plot
 * @param {number} py
 * @param {number} radius CSS pixels; farther points do not count
 * @returns {number} −1 where there is none; of several at one distance the latest row, which is drawn on top
 */
export function nearestRow(sorted, view, px, py, radius) {
  const { x, y, rows } = sorted;
  const { cx, cy, ux, uy } = view;
  const shiftX = view.width / 2 - px;
  const shiftY = view.height / 2 - py;
  // A pixel more on each side, for the rounding of the window's corners.
  const [left, top] = placeAt(view, px - radius - 1, py - radius - 1);
  const [right, bottom] = placeAt(view, px + radius + 1, py + radius + 1);
  const stretches = stretchesIn(sorted, [left, right, bottom, top]);
  let best = radius * radius;
  let nearest = -1;
  for (let stretch = 0; stretch < stretches.length; stretch += 2) {
    for (let point = stretches[stretch]; point < stretches[stretch + 1]; point++) {
      const dx = (x[point] - cx) / ux + shiftX;
      const dy = (cy - y[point]) / uy + shiftY;
      const distance = dx * dx + dy * dy;
      if (distance < best || (distance === best && rows[point] > nearest)) {
        best = distance;
        nearest = rows[point];
      }
    }
  }
  return nearest;
}

/**
 * Rows of the points inside a polygon, by the even-odd rule.
 *
 * The polygon's box is cut into strips, each with the edges that cross it, so that a point meets a few edges and not all.
 * @param {object} sorted points, of `sortByPlace`
 * @param {number[][]} polygon [[x, y], …] in latent units, at least three corners
 * @param {object} view arithmetic is relative to its middle, in its pixels
 * @returns {Int32Array} ascending
 */
export function rowsInside(sorted, polygon, view) {
  const { x, y, rows } = sorted;
  const { cx, cy, ux, uy } = view;
  const corners = polygon.map(([left, up]) => [(left - cx) / ux, (up - cy) / uy]);
  const [left, right] = spanOf(corners, 0);
  const [bottom, top] = spanOf(corners, 1);
  const { edges, starts, members, scale } = stripsOf(corners, bottom, top);
  const box = [...spanOf(polygon, 0), ...spanOf(polygon, 1)];
  const stretches = stretchesIn(sorted, box);
  const marks = new Uint8Array(sorted.length);
  let found = 0;
  for (let stretch = 0; stretch < stretches.length; stretch += 2) {
    const end = stretches[stretch + 1];
    for (let point = stretches[stretch]; point < end; point++) {
      const px = (x[point] - cx) / ux;
      const py = (y[point] - cy) / uy;
      if (!(px >= left && px <= right && py >= bottom && py <= top)) continue;
      const strip = Math.min(STRIPS - 1, ((py - bottom) * scale) | 0);
      let inside = 0;
      for (let member = starts[strip]; member < starts[strip + 1]; member++) {
        const edge = 4 * members[member];
        if (edges[edge + 1] > py !== edges[edge + 2] > py && px < edges[edge] + (py - edges[edge + 1]) * edges[edge + 3]) inside ^= 1;
      }
      marks[rows[point]] = inside;
      found += inside;
    }
  }
  return markedRows(marks, found);
}

function markedRows(marks, count) {
  const rows = new Int32Array(count);
  for (let row = 0, place = 0; place < count; row++) if (marks[row] === 1) rows[place++] = row;
  return rows;
}

/** Edges as (x, y, end's y, dx / dy), and for each strip of the box the edges that may cross it. */
function stripsOf(corners, bottom, top) {
  const scale = top > bottom ? STRIPS / (top - bottom) : 0;
  const edges = new Float64Array(4 * corners.length);
  const lists = Array.from({ length: STRIPS }, () => []);
  corners.forEach(([x, y], place) => {
    const [endX, endY] = corners[(place + 1) % corners.length];
    edges.set([x, y, endY, (endX - x) / (endY - y)], 4 * place);
    if (endY === y) return;
    const first = Math.floor((Math.min(y, endY) - bottom) * scale);
    const last = Math.min(STRIPS - 1, Math.floor((Math.max(y, endY) - bottom) * scale));
    for (let strip = Math.min(first, STRIPS - 1); strip <= last; strip++) lists[strip].push(place);
  });
  const starts = new Int32Array(STRIPS + 1);
  lists.forEach((list, strip) => (starts[strip + 1] = starts[strip] + list.length));
  return { edges, starts, members: Int32Array.from(lists.flat()), scale };
}

function spanOf(corners, axis) {
  const values = corners.map((corner) => corner[axis]);
  return [Math.min(...values), Math.max(...values)];
}
