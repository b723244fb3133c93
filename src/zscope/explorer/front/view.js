/**
 * The arithmetic of a view: which latent place lies under which pixel, ticks, scale bar, and the spacing of float32.
 *
 * A view is {cx, cy, ux, uy, width, height}: the latent place of the middle of the plot, latent units a CSS pixel, and
 * the plot's size in CSS pixels. Everything is a double and is taken relative to the middle, px = (x − cx) / ux + width / 2,
 * so that a window of half-width 1e-6 beside x = 3 is as exact as the overview.
 */

const DEEPEST = 2 ** -44;
const WIDEST = 64;
const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/**
 * Smallest and largest finite number.
 * @param {ArrayLike<number>} values
 * @returns {[number, number]} [0, 0] where there is none
 */
export function boundsOf(values) {
  let low = Infinity;
  let high = -Infinity;
  for (let row = 0; row < values.length; row++) {
    const value = values[row];
    if (value < low && value > -Infinity) low = value;
    if (value > high && value < Infinity) high = value;
  }
  return low <= high ? [low, high] : [0, 0];
}

/**
 * View that shows all of a plane with a little room around it.
 * @param {[number, number]} xs smallest and largest x, latent units
 * @param {[number, number]} ys
 * @param {number} width CSS pixels
 * @param {number} height CSS pixels
 * @param {boolean} equal one scale for both axes
 * @returns {{cx: number, cy: number, ux: number, uy: number, width: number, height: number}}
 */
export function fitView(xs, ys, width, height, equal) {
  const unit = ([low, high], pixels) => {
    const span = high - low;
    return ((span > 0 ? span : Math.max(Math.abs(low), 1) * 0.01) * 1.08) / pixels;
  };
  let ux = unit(xs, width);
  let uy = unit(ys, height);
  if (equal) ux = uy = Math.max(ux, uy);
  return { cx: (xs[0] + xs[1]) / 2, cy: (ys[0] + ys[1]) / 2, ux, uy, width, height };
}

/**
 * Latent place under a pixel of the plot.
 * @param {object} view
 * @param {number} px CSS pixels from the left
 * @param {number} py CSS pixels from the top
 * @returns {[number, number]}
 */
export function placeAt(view, px, py) {
  return [view.cx + (px - view.width / 2) * view.ux, view.cy - (py - view.height / 2) * view.uy];
}

/**
 * Pixel of the plot of a latent place.
 * @param {object} view
 * @param {number} x
 * @param {number} y
 * @returns {[number, number]} CSS pixels from the left and the top
 */
export function pixelAt(view, x, y) {
  return [(x - view.cx) / view.ux + view.width / 2, (view.cy - y) / view.uy + view.height / 2];
}

/**
 * The window of a view.
 * @param {object} view
 * @returns {[number, number, number, number]} x0, x1, y0, y1 in latent units
 */
export function windowOf(view) {
  const halfX = (view.width / 2) * view.ux;
  const halfY = (view.height / 2) * view.uy;
  return [view.cx - halfX, view.cx + halfX, view.cy - halfY, view.cy + halfY];
}

/**
 * View zoomed about a place that stays under its pixel.
 *
 * The place is given beside the pixel, not read from the view, so that many small steps about one place add up no error.
 * @param {object} view
 * @param {{px: number, py: number, x: number, y: number}} anchor
 * @param {number} factor > 1 zooms in; held back where doubles end, and where the cloud becomes a speck
 * @param {{ux: number}} home view of everything
 * @returns {object} the new view
 */
export function zoomedView(view, anchor, factor, home) {
  // One factor for both axes, or the ratio of the scales would drift at the ends.
  const least = Math.max(Math.abs(anchor.x) / view.ux, Math.abs(anchor.y) / view.uy) * DEEPEST;
  const shrink = Math.min(Math.max(1 / factor, least, 1e-290 / Math.min(view.ux, view.uy)), (home.ux * WIDEST) / view.ux);
  const ux = view.ux * shrink;
  const uy = view.uy * shrink;
  const cx = anchor.x - (anchor.px - view.width / 2) * ux;
  const cy = anchor.y + (anchor.py - view.height / 2) * uy;
  return { ...view, cx, cy, ux, uy };
}

/**
 * Distance of neighbouring float32 numbers, 2^(floor(log2 |value|) − 23).
 * @param {number} value
 * @returns {number}
 */
export function floatSpacing(value) {
  const size = Math.abs(value);
  return size > 0 ? 2 ** Math.max(Math.floor(Math.log2(size)) - 23, -149) : 2 ** -149;
}

/**
 * Says where a pixel is finer than the float32 spacing of what is shown.
 *
 * A component is a sum over float32 coordinates, so that it is known as finely as they are, wherever the window lies.
 * @param {object} view
 * @param {{x: string, y: string}} names of the axes
 * @param {number} [spacing] of the codes' largest coordinate, latent units; 0 where components are stored in float32 too
 * @returns {string} "" where it is not
 */
export function spacingNoteOf(view, names, spacing = 0) {
  const [x0, x1, y0, y1] = windowOf(view);
  const below = [[names.x, view.ux, x0, x1], [names.y, view.uy, y0, y1]].map(([name, unit, low, high]) => {
    const summed = spacing > 0 && /^pc\d+$/.test(name);
    const apart = summed ? spacing : floatSpacing(Math.max(Math.abs(low), Math.abs(high)));
    return { name, summed, finer: unit < apart, size: numberText(apart, 2), pixels: `${numberText(apart / unit, 2)} px` };
  }).filter(({ finer }) => finer);
  const says = [storedNote(below.filter(({ summed }) => !summed)), summedNote(below.filter(({ summed }) => summed))].filter(Boolean);
  return says.length > 0 ? `Below the float32 spacing: ${says.join("; ")}.` : "";
}

function storedNote(axes) {
  const says = axes.map(({ name, size, pixels }) => `${size} apart in ${name} (${pixels})`);
  return says.length > 0 ? `values here lie ${says.join(" and ")}; a lattice is rounding` : "";
}

function summedNote(axes) {
  if (axes.length === 0) return "";
  const [{ size, pixels }] = axes;
  return `codes are rounded to ${size} (${pixels}); finer structure in ${axes.map(({ name }) => name).join(" and ")} is rounding`;
}

/**
 * Smallest of 1, 2, 5 × 10^k that is at least a length.
 * @param {number} length above 0
 * @returns {{step: number, exponent: number}} exponent: k
 */
export function niceStep(length) {
  const exponent = Math.floor(Math.log10(length));
  const found = [1, 2, 5].find((digit) => Number(`${digit}e${exponent}`) >= length * (1 - 1e-9));
  return found ? { step: Number(`${found}e${exponent}`), exponent } : { step: Number(`1e${exponent + 1}`), exponent: exponent + 1 };
}

/**
 * Ticks of an axis whose labels stay short at any depth: an offset or a power of ten is taken out of them and said once.
 * @param {number} centre latent place of the middle
 * @param {number} unit latent units a CSS pixel
 * @param {number} pixels length of the axis
 * @param {number} apart least distance of two ticks in pixels
 * @returns {{ticks: {pixel: number, label: string}[], note: string}} pixel: from the middle, towards larger values; note: how to read the labels, "" where they are the values
 */
export function axisTicks(centre, unit, pixels, apart) {
  const { step, exponent } = niceStep(unit * apart);
  const half = (unit * pixels) / 2;
  const largest = Math.max(Math.abs(centre - half), Math.abs(centre + half));
  const deep = largest / step >= 1e4;
  const decade = Number(`1e${exponent + 1}`);
  const offset = deep ? Math.round(centre / decade) * decade : 0;
  const order = Math.floor(Math.log10(largest));
  const power = deep ? exponent : order < -3 || order > 5 ? order : 0;
  const decimals = deep ? 0 : Math.max(0, power - exponent);
  const shift = offset - centre;
  const ticks = [];
  for (let place = Math.ceil((-half - shift) / step); place * step + shift <= half; place++) {
    const value = (place * step) / Number(`1e${power}`);
    const label = value.toFixed(Math.min(decimals, 100)).replace("-", "−");
    ticks.push({ pixel: (place * step + shift) / unit, label: deep && place > 0 ? `+${label}` : label });
  }
  return { ticks, note: tickNote(deep, offset, exponent, power) };
}

function tickNote(deep, offset, exponent, power) {
  if (!deep) return power === 0 ? "" : `× ${powerText(power)}`;
  const base = offset.toFixed(Math.min(Math.max(0, -exponent - 1), 100)).replace("-", "−");
  return `${base} + n × ${powerText(exponent)}`;
}

/**
 * A bar of a nice round length.
 * @param {number} unit latent units a CSS pixel
 * @param {number} most longest bar in pixels
 * @returns {{pixels: number, text: string}}
 */
export function scaleBar(unit, most) {
  // The next nice number below: 5 → 2, 2 → 1, 1 → 0.5.
  const { step } = niceStep(unit * most * (1 + 1e-6));
  const length = niceStep((step / 2.5) * (1 - 1e-6)).step;
  return { pixels: length / unit, text: numberText(length, 3) };
}

/**
 * A number for people: thousands apart, a power of ten where it is very small or very large.
 * @param {number} value
 * @param {number} digits significant ones
 * @returns {string}
 */
export function numberText(value, digits) {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e9) return value.toLocaleString("en-GB").replace("-", "−");
  if (size >= 1e-3 && size < 1e6) return String(Number(value.toPrecision(digits))).replace("-", "−");
  const [mantissa, power] = value.toExponential(digits - 1).split("e");
  const shown = String(Number(mantissa)).replace("-", "−");
  return shown === "1" ? powerText(Number(power)) : `${shown} × ${powerText(Number(power))}`;
}

/**
 * A power of ten in plain characters, such as 10⁻⁷.
 * @param {number} exponent
 * @returns {string}
 */
export function powerText(exponent) {
  const digits = [...String(Math.abs(exponent))].map((digit) => SUPERSCRIPTS[Number(digit)]).join("");
  return `10${exponent < 0 ? "⁻" : ""}${digits}`;
}
