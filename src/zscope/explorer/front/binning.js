/**
 * The loops that make a picture of points: they count them in pixels, mix their colours, and paint.
 *
 * `places` are pixels in the renderer's buffer, `points` the points there, in the order of order.js; `found` of them are
 * read. Nothing here checks a border: the buffer's margin is wider than any stamp reaches.
 */

const PHASES = 4;

/** Pixels of a disc about a pixel, as steps in the buffer. */
export function discOffsets(radius, stride) {
  const reach = Math.floor(radius);
  const offsets = [];
  for (let dy = -reach; dy <= reach; dy++) {
    for (let dx = -reach; dx <= reach; dx++) if (Math.hypot(dx, dy) <= radius) offsets.push(dy * stride + dx);
  }
  return Int32Array.from(offsets);
}

/** Counts the points of each pixel; returns the largest count. */
export function addCounts(places, found, stamp, counts) {
  let peak = 0;
  for (let point = 0; point < found; point++) {
    const place = places[point];
    for (let step = 0; step < stamp.length; step++) {
      const count = ++counts[place + stamp[step]];
      if (count > peak) peak = count;
    }
  }
  return peak;
}

/** Adds the squared colours of points (a sum of squares keeps mixtures bright) and their number; returns the largest number. */
export function addMixed(places, points, found, stamp, slots, table, sums) {
  const squares = Float32Array.from({ length: 1024 }, (_, entry) => ((table[entry >> 2] >>> (8 * (entry & 3))) & 255) ** 2);
  let peak = 0;
  for (let point = 0; point < found; point++) {
    const colour = 4 * slots[points[point]];
    const place = places[point];
    for (let step = 0; step < stamp.length; step++) {
      const sum = 4 * (place + stamp[step]);
      sums[sum] += squares[colour];
      sums[sum + 1] += squares[colour + 1];
      sums[sum + 2] += squares[colour + 2];
      const count = ++sums[sum + 3];
      if (count > peak) peak = count;
    }
  }
  return peak;
}

/** Adds the slots of points that have a number, their count, and the count of all points; returns the largest count. */
export function addMeans(places, points, found, stamp, slots, sums) {
  let peak = 0;
  for (let point = 0; point < found; point++) {
    const slot = slots[points[point]];
    const known = slot > 0 ? 1 : 0;
    const place = places[point];
    for (let step = 0; step < stamp.length; step++) {
      const sum = 4 * (place + stamp[step]);
      sums[sum] += slot;
      sums[sum + 1] += known;
      const count = ++sums[sum + 3];
      if (count > peak) peak = count;
    }
  }
  return peak;
}

/** Count that all but a thousandth of the pixels with points stay within. */
export function tallyOf(counts, first, step, tally) {
  tally.fill(0);
  for (let entry = first; entry < counts.length; entry += step) {
    const count = counts[entry];
    tally[count < tally.length ? count : tally.length - 1]++;
  }
  let beyond = 0.001 * (counts.length / step - tally[0]);
  let top = tally.length - 1;
  while (top > 1 && beyond >= tally[top]) beyond -= tally[top--];
  return top;
}

/** Level 0 … 255 of each count up to the peak, by its logarithm, 255 from the top on. */
export function countLevels(peak, top) {
  const scale = top > 1 ? 255 / Math.log(top) : 0;
  const levels = new Uint8Array(peak + 1).fill(255);
  for (let count = 0; count <= top; count++) levels[count] = top > 1 ? Math.round(Math.log(Math.max(count, 1)) * scale) : 128;
  return levels;
}

export function paintCounts(counts, levels, table, colours) {
  for (let pixel = 0; pixel < counts.length; pixel++) {
    const count = counts[pixel];
    if (count !== 0) colours[pixel] = table[levels[count]];
  }
}

/** The mean colour of a pixel's points, stronger the more there are. */
export function paintMixed(sums, levels, colours) {
  for (let pixel = 0, sum = 0; pixel < colours.length; pixel++, sum += 4) {
    const count = sums[sum + 3];
    if (count === 0) continue;
    const share = 1 / count;
    const alpha = 130 + ((125 * levels[count]) >> 8);
    const red = Math.sqrt(sums[sum] * share);
    const green = Math.sqrt(sums[sum + 1] * share);
    const blue = Math.sqrt(sums[sum + 2] * share);
    colours[pixel] = (alpha << 24) | (blue << 16) | (green << 8) | red;
  }
}

/** The colour of the mean of a pixel's points; of slot 0, without a number, where none of them has one. */
export function paintMeans(sums, table, colours) {
  for (let pixel = 0, sum = 0; pixel < colours.length; pixel++, sum += 4) {
    if (sums[sum + 3] === 0) continue;
    const known = sums[sum + 1];
    colours[pixel] = table[known > 0 ? (sums[sum] / known + 0.5) | 0 : 0];
  }
}

/** Draws points as squares of a few pixels. */
export function paintBlocks(places, points, found, edge, stride, { slots, table, single }, colours) {
  const shift = (edge >> 1) * (stride + 1);
  for (let point = 0; point < found; point++) {
    const colour = slots === null ? single : table[slots[points[point]]];
    let place = places[point] - shift;
    for (let line = 0; line < edge; line++, place += stride) {
      for (let column = 0; column < edge; column++) colours[place + column] = colour;
    }
  }
}

/** Discs with soft edges about sixteen places within a pixel, so that they glide. */
export function discStamps(radius, stride) {
  const stamps = [];
  const reach = Math.ceil(radius + 0.5);
  for (let phase = 0; phase < PHASES * PHASES; phase++) {
    const x = ((phase % PHASES) + 0.5) / PHASES - 0.5;
    const y = (Math.floor(phase / PHASES) + 0.5) / PHASES - 0.5;
    const offsets = [];
    const covers = [];
    for (let dy = -reach; dy <= reach; dy++) {
      for (let dx = -reach; dx <= reach; dx++) {
        const cover = Math.min(1, radius + 0.5 - Math.hypot(dx - x, dy - y));
        if (cover <= 0) continue;
        offsets.push(dy * stride + dx);
        covers.push(Math.round(255 * cover));
      }
    }
    stamps.push({ offsets: Int32Array.from(offsets), covers: Uint8Array.from(covers) });
  }
  return stamps;
}

/** Draws points as soft discs, later ones over earlier ones. */
export function paintDiscs(x, y, rows, frame, stamps, { slots, table, single }, colours) {
  const { cx, cy, scaleX, scaleY, shiftX, shiftY, stride } = frame;
  for (const row of rows) {
    const px = (x[row] - cx) * scaleX + shiftX;
    const py = (cy - y[row]) * scaleY + shiftY;
    const phase = (((py % 1) * PHASES) | 0) * PHASES + (((px % 1) * PHASES) | 0);
    const { offsets, covers } = stamps[phase];
    const colour = slots === null ? single : table[slots[row]];
    const place = (py | 0) * stride + (px | 0);
    for (let step = 0; step < offsets.length; step++) {
      const pixel = place + offsets[step];
      colours[pixel] = covers[step] === 255 ? colour : blended(colours[pixel], colour, covers[step]);
    }
  }
}

/** A packed colour laid over another with a cover of 0 … 255; two channels are mixed at once. */
function blended(under, over, cover) {
  const alpha = under >>> 24;
  if (alpha === 0) return (over & 0xffffff) | (cover << 24);
  const redBlue = (under & 0xff00ff) + ((((over & 0xff00ff) - (under & 0xff00ff)) * cover) >> 8);
  const green = (under & 0xff00) + ((((over & 0xff00) - (under & 0xff00)) * cover) >> 8);
  return (redBlue & 0xff00ff) | (green & 0xff00) | ((cover + ((alpha * (255 - cover)) >> 8)) << 24);
}
