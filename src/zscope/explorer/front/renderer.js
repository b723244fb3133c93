/**
 * Draws points into a canvas by binning them into pixels: no GPU, no sampling, every point every frame.
 *
 * A renderer has `resize(width, height, ratio)` and `draw(scene) → milliseconds`, and after a draw `inView` (points in
 * the window), `peak` (most points at one place of the density), `top` (the count from which on the ramp stays at its end:
 * the peak, or less where one pixel in a thousand would take most of the ramp) and `radius` (of a point, CSS pixels). A scene is
 * {x, y, sorted, view, mode: "density" | "points", kind, slots, sortedSlots, slotTable, countTable, greyTable, grey, plain, sortedMarks}; see
 * order.js for the sorted points and colours.js for the tables. Anything that draws a scene may take this renderer's place.
 *
 * Loops over the points run over typed arrays in doubles, relative to the middle of the view. Around the picture lies a
 * margin, half of it for points just outside and half for the reach of their discs, so that no disc needs a check at the border.
 */
import { addCounts, addMeans, addMixed, countLevels, discOffsets, discStamps, paintBlocks, paintCounts, paintDiscs, paintMeans, paintMixed, tallyOf } from "./binning.js";
import { stretchesIn } from "./order.js";

const MARGIN = 24;
const REACH = 12;
const MOST_PIXELS = 1_500_000;
const MANY = 100_000;
const FEW = 500;
const LARGEST_RADIUS = 3.5;
const LEAST_TOP = 4;

/**
 * Radius at which points are drawn.
 * @param {number} count points in view
 * @param {"density" | "points"} mode
 * @returns {number} CSS pixels: 3.5 for up to 500 points, one pixel of colour from 100,000 on
 */
export function radiusFor(count, mode) {
  const least = mode === "points" ? 1 : 0.5;
  const share = Math.log(Math.max(count, FEW) / FEW) / Math.log(MANY / FEW);
  return share >= 1 ? least : Math.round((LARGEST_RADIUS + (least - LARGEST_RADIUS) * share) * 4) / 4;
}

/** The default renderer: Canvas 2-D. */
export class CanvasRenderer {
  #context;
  #image = null;
  #buffers = null;
  #ratio = 1;
  #points = new Int32Array(0);
  #places = new Int32Array(0);
  #levels = { peak: -1, top: -1, table: null };
  #tally = new Int32Array(4096);

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    // The picture is made by the processor: a canvas in graphics memory would only be copied back and forth.
    this.#context = canvas.getContext("2d", { willReadFrequently: true });
    this.inView = 0;
    this.peak = 0;
    this.top = 0;
    this.radius = 1;
  }

  /**
   * Makes the buffers for a size; a very large canvas gets coarser pixels (at most 1.5 million).
   * @param {number} width CSS pixels
   * @param {number} height CSS pixels
   * @param {number} ratio device pixels a CSS pixel
   */
  resize(width, height, ratio) {
    this.#ratio = Math.min(ratio, Math.sqrt(MOST_PIXELS / Math.max(1, width * height)));
    const columns = Math.max(1, Math.round(width * this.#ratio));
    const lines = Math.max(1, Math.round(height * this.#ratio));
    if (this.#buffers?.columns === columns && this.#buffers.lines === lines) return;
    this.canvas.width = columns;
    this.canvas.height = lines;
    const stride = columns + 2 * MARGIN;
    this.#image = this.#context.createImageData(stride, lines + 2 * MARGIN);
    this.#buffers = {
      columns,
      lines,
      stride,
      colours: new Uint32Array(this.#image.data.buffer),
      counts: new Int32Array(stride * (lines + 2 * MARGIN)),
      sums: null,
    };
  }

  /**
   * Draws a scene.
   * @param {object} scene
   * @returns {number} milliseconds it took
   */
  draw(scene) {
    const began = performance.now();
    const frame = frameOf(scene.view, scene.sorted, this.#buffers);
    if (this.#points.length < scene.x.length) {
      this.#points = new Int32Array(scene.x.length);
      this.#places = new Int32Array(scene.x.length);
    }
    this.#buffers.colours.fill(0);
    this.inView = countInside(scene.sorted, frame);
    this.radius = radiusFor(this.inView, scene.mode);
    this.peak = 0;
    const layers = scene.sortedMarks ? [0, 1] : [-1];
    for (const wanted of layers) {
      if (scene.mode === "density") this.#drawDensity(scene, frame, wanted);
      else this.#drawPoints(scene, frame, wanted);
    }
    this.#context.putImageData(this.#image, -MARGIN, -MARGIN);
    return performance.now() - began;
  }

  #locate(scene, frame, wanted) {
    if (wanted < 0) return locateAll(scene.sorted, frame, this.#points, this.#places);
    return locateMarked(scene.sorted, scene.sortedMarks, wanted, frame, this.#points, this.#places);
  }

  #drawDensity(scene, frame, wanted) {
    const found = this.#locate(scene, frame, wanted);
    const buffers = this.#buffers;
    const stamp = discOffsets(this.#reach(), buffers.stride);
    const kind = wanted === 0 ? "none" : scene.kind;
    if (kind === "none") {
      const peak = addCounts(this.#places, found, stamp, buffers.counts.fill(0));
      const table = wanted === 0 ? scene.greyTable : scene.countTable;
      paintCounts(buffers.counts, this.#levelsOf(peak, tallyOf(buffers.counts, 0, 1, this.#tally)), table, buffers.colours);
      return;
    }
    buffers.sums ??= new Float32Array(4 * buffers.counts.length);
    const sums = buffers.sums.fill(0);
    if (kind === "category") {
      const peak = addMixed(this.#places, this.#points, found, stamp, scene.sortedSlots, scene.slotTable, sums);
      paintMixed(sums, this.#levelsOf(peak, tallyOf(sums, 3, 4, this.#tally)), buffers.colours);
    } else {
      this.peak = addMeans(this.#places, this.#points, found, stamp, scene.sortedSlots, sums);
      paintMeans(sums, scene.slotTable, buffers.colours);
    }
  }

  #drawPoints(scene, frame, wanted) {
    const found = this.#locate(scene, frame, wanted);
    const radius = this.#reach();
    const plain = wanted === 0 || scene.kind === "none";
    const paint = { table: scene.slotTable, single: wanted === 0 ? scene.grey : scene.plain };
    const { colours, stride } = this.#buffers;
    if (radius <= 1.5 && this.inView >= MANY) {
      const edge = Math.max(1, Math.round(2 * radius));
      paintBlocks(this.#places, this.#points, found, edge, stride, { ...paint, slots: plain ? null : scene.sortedSlots }, colours);
    } else {
      const rows = rowsInOrder(this.#points, found, scene.sorted.rows);
      paintDiscs(scene.x, scene.y, rows, frame, discStamps(radius, stride), { ...paint, slots: plain ? null : scene.slots }, colours);
    }
  }

  /** Radius in pixels of the buffer. */
  #reach() {
    return Math.min(this.radius * this.#ratio, REACH - 1);
  }

  /** Level of each count; the last layer drawn is the one that the legend tells of. */
  #levelsOf(peak, top) {
    this.peak = peak;
    this.top = Math.min(peak, Math.max(top, LEAST_TOP));
    if (this.#levels.peak !== peak || this.#levels.top !== this.top) {
      this.#levels = { peak, top: this.top, table: countLevels(peak, this.top) };
    }
    return this.#levels.table;
  }
}

/** What the loops need of a view: scales and shifts in pixels of the buffer, and which points may lie in it. */
function frameOf(view, sorted, { columns, lines, stride }) {
  const scaleX = columns / (view.width * view.ux);
  const scaleY = lines / (view.height * view.uy);
  const roomX = (columns / 2 + MARGIN) / scaleX;
  const roomY = (lines / 2 + MARGIN) / scaleY;
  const stretches = stretchesIn(sorted, [view.cx - roomX, view.cx + roomX, view.cy - roomY, view.cy + roomY]);
  const shiftX = columns / 2 + MARGIN;
  const shiftY = lines / 2 + MARGIN;
  return { cx: view.cx, cy: view.cy, scaleX, scaleY, shiftX, shiftY, columns, lines, stride, stretches };
}

/** Number of points in the window. */
function countInside({ x, y }, { cx, cy, scaleX, scaleY, columns, lines, stretches }) {
  const halfX = columns / 2;
  const halfY = lines / 2;
  let count = 0;
  for (let stretch = 0; stretch < stretches.length; stretch += 2) {
    const end = stretches[stretch + 1];
    for (let point = stretches[stretch]; point < end; point++) {
      const px = (x[point] - cx) * scaleX + halfX;
      const py = (cy - y[point]) * scaleY + halfY;
      if (px >= 0 && px < columns && py >= 0 && py < lines) count++;
    }
  }
  return count;
}

/** Points in the window and the near half of its margin, and the pixel of each. */
function locateAll({ x, y }, { cx, cy, scaleX, scaleY, shiftX, shiftY, columns, lines, stride, stretches }, points, places) {
  const right = columns + 2 * MARGIN - REACH;
  const bottom = lines + 2 * MARGIN - REACH;
  let found = 0;
  for (let stretch = 0; stretch < stretches.length; stretch += 2) {
    const end = stretches[stretch + 1];
    for (let point = stretches[stretch]; point < end; point++) {
      const px = (x[point] - cx) * scaleX + shiftX;
      const py = (cy - y[point]) * scaleY + shiftY;
      if (px >= REACH && px < right && py >= REACH && py < bottom) {
        points[found] = point;
        places[found++] = (py | 0) * stride + (px | 0);
      }
    }
  }
  return found;
}

/** Of those, the ones whose mark is the wanted one. */
function locateMarked(sorted, marks, wanted, frame, points, places) {
  const found = locateAll(sorted, frame, points, places);
  let kept = 0;
  for (let point = 0; point < found; point++) {
    if (marks[points[point]] !== wanted) continue;
    points[kept] = points[point];
    places[kept++] = places[point];
  }
  return kept;
}

/** Rows of points, ascending: discs overlap, and their order must not change at the borders of the grid's cells. */
function rowsInOrder(points, found, rows) {
  const taken = points.subarray(0, found);
  for (let point = 0; point < found; point++) taken[point] = rows[taken[point]];
  return taken.sort();
}
