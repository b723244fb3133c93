/**
 * Colours of points: ten for categories (twenty with a second lightness), ramps for numbers and for counts.
 *
 * A point's colour is a slot, one byte: 0 has no value, 1 … 255 index a table of 256 packed colours. Slots are made once
 * for a column; the table changes with the theme. So a frame looks up bytes and nothing else.
 */

/**
 * Ten colours in the hues of the figures' classes, moved apart in lightness: the least distance of two of them (CIELAB) is
 * 38, and 19, 23 and 23 as seen with protanopia, deuteranopia and tritanopia.
 */
export const CATEGORY_COLOURS = [
  "#5c94ee", "#fa714b", "#06694b", "#e60f62", "#5a49c7", "#f3ab95", "#ab4fa0", "#636c07", "#16d5ee", "#c8be02",
];

/** Most categories with a colour of their own. */
export const MOST_CATEGORIES = 2 * CATEGORY_COLOURS.length;

const OTHER_SLOT = MOST_CATEGORIES + 1;

// Seventeen places of viridis (van der Walt and Smith, 2015), perceptually uniform from dark to light.
const VIRIDIS = [
  "#440154", "#481467", "#482677", "#453781", "#404788", "#39568c", "#33638d", "#2d708e", "#287d8e",
  "#238a8d", "#1f968b", "#20a387", "#3cbb75", "#55c667", "#95d840", "#c8e020", "#fde725",
];

// From few to many: away from the paper, so that the densest place has the strongest contrast in either theme.
const COUNT_RAMPS = {
  light: { codes: ["#a9c8ee", "#5e97de", "#2c68bd", "#1c4288", "#0e1f4d"], null: ["#e3b5da", "#c777b5", "#a5408d", "#742667", "#3f0f3a"] },
  dark: { codes: ["#2a5792", "#3577c6", "#5ca3ee", "#a6d2fb", "#f4faff"], null: ["#6b2e5f", "#9c4685", "#cf6fb6", "#eeaddc", "#fff3fb"] },
};

const GREYS = {
  light: { single: [152, 157, 165], faint: [186, 190, 197], strong: [112, 117, 125] },
  dark: { single: [98, 105, 114], faint: [56, 62, 70], strong: [126, 134, 144] },
};

/**
 * Red, green and blue of "#rrggbb".
 * @param {string} colour
 * @returns {[number, number, number]} 0 … 255
 */
export function parseColour(colour) {
  return [1, 3, 5].map((start) => parseInt(colour.slice(start, start + 2), 16));
}

/**
 * A colour as one 32-bit number in the order of a canvas' bytes (little-endian: red lowest).
 * @param {number[]} rgb 0 … 255
 * @param {number} [alpha] 0 … 255
 * @returns {number}
 */
export function packColour([red, green, blue], alpha = 255) {
  return ((alpha << 24) | (Math.round(blue) << 16) | (Math.round(green) << 8) | Math.round(red)) >>> 0;
}

/**
 * A colour between those of a ramp.
 * @param {string[]} ramp "#rrggbb", evenly apart
 * @param {number} share 0 … 1
 * @returns {[number, number, number]}
 */
export function rampColour(ramp, share) {
  const place = Math.min(Math.max(share, 0), 1) * (ramp.length - 1);
  const start = Math.min(Math.floor(place), ramp.length - 2);
  return mixed(parseColour(ramp[start]), parseColour(ramp[start + 1]), place - start);
}

/**
 * Table of the colours of counts: entry 1 for one code, 255 for the most.
 * @param {"light" | "dark"} theme
 * @param {"codes" | "null"} cloud a null has another tint, so that a picture of it cannot be mistaken
 * @returns {Uint32Array} (256,) packed
 */
export function countTable(theme, cloud) {
  return tableOfRamp(COUNT_RAMPS[theme][cloud]);
}

/**
 * Table of the greys of unselected codes by their count.
 * @param {"light" | "dark"} theme
 * @returns {Uint32Array} (256,) packed
 */
export function greyTable(theme) {
  const { faint, strong } = GREYS[theme];
  return Uint32Array.from({ length: 256 }, (_, level) => packColour(mixed(faint, strong, level / 255)));
}

/**
 * Grey of one unselected point or of one without a value.
 * @param {"light" | "dark"} theme
 * @returns {[number, number, number]}
 */
export function greyOf(theme) {
  return GREYS[theme].single;
}

/**
 * Colour of points that are coloured by nothing.
 * @param {"light" | "dark"} theme
 * @param {"codes" | "null"} cloud
 * @returns {[number, number, number]}
 */
export function plainColour(theme, cloud) {
  return parseColour(COUNT_RAMPS[theme][cloud][2]);
}

/**
 * The ramp of numbers as it is shown in a theme: without the end that would vanish in the paper.
 * @param {"light" | "dark"} theme
 * @param {number} share 0 … 1
 * @returns {[number, number, number]}
 */
export function numberColour(theme, share) {
  return rampColour(VIRIDIS, theme === "light" ? 0.94 * share : 0.1 + 0.9 * share);
}

/**
 * Slots of the points and what a legend says of them.
 * @param {{kind: "none" | "category" | "number", values?: ArrayLike<number>, names?: string[], label?: string}} colours
 * @returns {{kind: string, label: string, slots: Uint8Array | null, missing: number, entries: {index: number, name: string, slot: number, count: number}[], others: number, range: {low: number, high: number, cutLow: boolean, cutHigh: boolean} | null}}
 *   entries: the categories with a colour of their own; others: how many categories share the grey "other"
 */
export function prepareColours(colours) {
  const label = colours.label ?? "";
  if (colours.kind === "category") return { ...categorySlots(colours.values, colours.names), kind: "category", label };
  if (colours.kind === "number") return { ...numberSlots(colours.values), kind: "number", label };
  return { kind: "none", label: "", slots: null, missing: 0, entries: [], others: 0, range: null };
}

function categorySlots(values, names) {
  const counts = new Int32Array(names.length);
  let missing = 0;
  for (let row = 0; row < values.length; row++) {
    if (values[row] >= 0) counts[values[row]]++;
    else missing++;
  }
  const order = Array.from(names, (_, index) => index);
  // Of more than twenty categories, the largest have the colours; otherwise their own order stays.
  if (names.length > MOST_CATEGORIES) order.sort((a, b) => counts[b] - counts[a] || a - b);
  const shown = order.slice(0, MOST_CATEGORIES);
  const slotOf = new Uint8Array(names.length).fill(OTHER_SLOT);
  shown.forEach((index, place) => (slotOf[index] = place + 1));
  const slots = new Uint8Array(values.length);
  for (let row = 0; row < values.length; row++) slots[row] = values[row] >= 0 ? slotOf[values[row]] : 0;
  const entries = shown.map((index, place) => ({ index, name: String(names[index]), slot: place + 1, count: counts[index] }));
  if (names.length > MOST_CATEGORIES) {
    const count = order.slice(MOST_CATEGORIES).reduce((sum, index) => sum + counts[index], 0);
    entries.push({ index: null, name: "other", slot: OTHER_SLOT, count });
  }
  return { slots, missing, entries, others: Math.max(0, names.length - MOST_CATEGORIES), range: null };
}

function numberSlots(values) {
  const range = numberRange(values);
  const slots = new Uint8Array(values.length);
  const scale = range.high > range.low ? 254 / (range.high - range.low) : 0;
  let missing = 0;
  for (let row = 0; row < values.length; row++) {
    const value = values[row];
    if (value === value) slots[row] = 1 + Math.min(254, Math.max(0, Math.round((value - range.low) * scale)));
    else missing++;
  }
  return { slots, missing, entries: [], others: 0, range };
}

/**
 * Ends of the ramp: the extremes, or the middle 99 % where a few far values would take most of the ramp (the legend says so).
 */
function numberRange(values) {
  const sorted = Float64Array.from(values).filter(Number.isFinite).sort();
  if (sorted.length === 0) return { low: 0, high: 0, cutLow: false, cutHigh: false };
  const last = sorted.length - 1;
  const [low, high] = [sorted[0], sorted[last]];
  const [inLow, inHigh] = [sorted[Math.floor(0.005 * last)], sorted[Math.ceil(0.995 * last)]];
  const span = inHigh - inLow;
  const cutLow = span > 0 && inLow - low > 0.25 * span;
  const cutHigh = span > 0 && high - inHigh > 0.25 * span;
  return { low: cutLow ? inLow : low, high: cutHigh ? inHigh : high, cutLow, cutHigh };
}

/**
 * Table of the colours of slots.
 * @param {"none" | "category" | "number"} kind
 * @param {"light" | "dark"} theme
 * @returns {Uint32Array} (256,) packed
 */
export function slotTable(kind, theme) {
  const table = new Uint32Array(256).fill(packColour(greyOf(theme)));
  if (kind === "number") for (let slot = 1; slot < 256; slot++) table[slot] = packColour(numberColour(theme, (slot - 1) / 254));
  if (kind === "category") for (let slot = 1; slot < OTHER_SLOT; slot++) table[slot] = packColour(categoryColour(slot, theme));
  return table;
}

function categoryColour(slot, theme) {
  const colour = parseColour(CATEGORY_COLOURS[(slot - 1) % CATEGORY_COLOURS.length]);
  const second = slot > CATEGORY_COLOURS.length;
  if (theme === "dark") return mixed(colour, [255, 255, 255], second ? 0.62 : 0.14);
  return second ? mixed(colour, [0, 0, 0], 0.42) : colour;
}

/**
 * A packed colour for CSS.
 * @param {number} packed
 * @returns {string} "rgb(r g b)"
 */
export function cssColour(packed) {
  return `rgb(${packed & 255} ${(packed >>> 8) & 255} ${(packed >>> 16) & 255})`;
}

function tableOfRamp(ramp) {
  return Uint32Array.from({ length: 256 }, (_, level) => packColour(rampColour(ramp, level / 255)));
}

function mixed(from, to, share) {
  return from.map((value, channel) => value + (to[channel] - value) * share);
}
