/**
 * What lies around and over the points: axes, scale bar, overlay, lasso, the ring of the hovered point, the frame of a null.
 */
import { axisTicks, pixelAt, scaleBar } from "./view.js";
import { parseColour } from "./colours.js";

const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "Liberation Sans", Arial, sans-serif';
const NAME_FONT = FONT.replace("11px", "600 12px");
const TICK = 4;
const APART_X = 84;
const APART_Y = 56;
const LONGEST_BAR = 130;
const FARTHEST = 1e6;
const FIELD_ENDS = { light: ["#d8720f", "#119a74"], dark: ["#f0973d", "#3cc196"] };

/**
 * Colours and theme of an element, from its custom properties.
 * @param {HTMLElement} element
 * @returns {{theme: "light" | "dark", paper: string, ink: string, quiet: string, rule: string, mark: string, null: string}}
 */
export function readTheme(element) {
  const style = getComputedStyle(element);
  const read = (name) => style.getPropertyValue(`--plane-${name}`).trim();
  const names = ["paper", "ink", "quiet", "rule", "mark", "null"];
  return { theme: read("theme") === "dark" ? "dark" : "light", ...Object.fromEntries(names.map((name) => [name, read(name)])) };
}

/**
 * Draws everything but the points.
 * @param {CanvasRenderingContext2D} context in CSS pixels, its origin at the plot's top left corner
 * @param {object} scene {view, names, unit, equal, theme, overlay, lasso, hovered: [x, y] | null, nullShown}
 */
export function drawMarks(context, scene) {
  const { view, theme } = scene;
  drawAxes(context, scene);
  context.save();
  context.beginPath();
  context.rect(0, 0, view.width, view.height);
  context.clip();
  if (scene.lasso?.length > 1) drawLasso(context, view, scene.lasso, theme);
  drawOverlay(context, scene);
  if (scene.hovered) drawRing(context, ...pixelAt(view, ...scene.hovered), 6, theme.ink, theme.paper);
  drawScaleBar(context, scene);
  if (scene.nullShown) drawNullFrame(context, view, theme);
  context.restore();
}

function drawAxes(context, { view, names, theme }) {
  const { width, height } = view;
  const across = axisTicks(view.cx, view.ux, width, APART_X);
  const up = axisTicks(view.cy, view.uy, height, APART_Y);
  context.lineWidth = 1;
  context.strokeStyle = theme.rule;
  context.beginPath();
  context.rect(-0.5, -0.5, width + 1, height + 1);
  for (const { pixel } of across.ticks) {
    const px = Math.round(width / 2 + pixel) + 0.5;
    context.moveTo(px, height + 0.5);
    context.lineTo(px, height + TICK + 0.5);
  }
  for (const { pixel } of up.ticks) {
    const py = Math.round(height / 2 - pixel) + 0.5;
    context.moveTo(-0.5, py);
    context.lineTo(-0.5 - TICK, py);
  }
  context.stroke();
  context.font = FONT;
  context.fillStyle = theme.quiet;
  context.textAlign = "center";
  context.textBaseline = "top";
  for (const { pixel, label } of across.ticks) context.fillText(label, width / 2 + pixel, height + TICK + 4);
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const { pixel, label } of up.ticks) context.fillText(label, -TICK - 4, height / 2 - pixel);
  drawName(context, names.x, across.note, width, theme, () => context.translate(width / 2, height + 33));
  drawName(context, names.y, up.note, height, theme, () => {
    context.translate(-61, height / 2);
    context.rotate(-Math.PI / 2);
  });
}

/** The name of an axis in ink, then how its labels read in grey; both about the middle of the axis. */
function drawName(context, name, note, room, theme, turn) {
  context.save();
  turn();
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.font = NAME_FONT;
  const shown = shortened(context, name, 0.7 * room);
  const first = context.measureText(shown).width;
  context.font = FONT;
  const said = note === "" ? "" : note.startsWith("×") ? `  ${note}` : `  =  ${note}`;
  const start = -(first + context.measureText(said).width) / 2;
  context.fillStyle = theme.quiet;
  context.fillText(said, start + first, 0);
  context.font = NAME_FONT;
  context.fillStyle = theme.ink;
  context.fillText(shown, start, 0);
  context.restore();
}

function shortened(context, text, room) {
  if (context.measureText(text).width <= room) return text;
  let kept = text.length - 1;
  while (kept > 1 && context.measureText(`${text.slice(0, kept)}…`).width > room) kept--;
  return `${text.slice(0, kept)}…`;
}

function drawScaleBar(context, { view, theme, unit, equal, names }) {
  const bar = scaleBar(view.ux, Math.min(LONGEST_BAR, view.width / 3));
  const text = `${bar.text} ${equal ? unit : `of ${names.x}`}`;
  context.font = FONT;
  const wide = Math.max(bar.pixels, context.measureText(text).width);
  const right = view.width - 14;
  const bottom = view.height - 12;
  context.globalAlpha = 0.82;
  context.fillStyle = theme.paper;
  context.beginPath();
  context.roundRect(right - wide - 8, bottom - 23, wide + 16, 30, 4);
  context.fill();
  context.globalAlpha = 1;
  context.strokeStyle = context.fillStyle = theme.ink;
  context.lineWidth = 1.5;
  context.beginPath();
  context.moveTo(right - bar.pixels, bottom - 4);
  context.lineTo(right - bar.pixels, bottom);
  context.lineTo(right, bottom);
  context.lineTo(right, bottom - 4);
  context.stroke();
  context.textAlign = "right";
  context.textBaseline = "bottom";
  context.fillText(text, right, bottom - 6);
}

function drawOverlay(context, { view, overlay, theme }) {
  if (overlay.window) drawWindow(context, view, overlay.window, theme);
  if (overlay.path?.length > 1) {
    const steps = overlay.path.map(([x, y]) => pixelAt(view, x, y)).filter(within);
    for (const [colour, width] of [[theme.paper, 5], [theme.mark, 2]]) {
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.lineJoin = "round";
      context.beginPath();
      steps.forEach(([px, py]) => context.lineTo(px, py));
      context.stroke();
    }
  }
  for (const point of overlay.points ?? []) {
    const [px, py] = pixelAt(view, point.x, point.y);
    if (within([px, py])) drawPoint(context, px, py, point, theme);
  }
}

/** A place far outside would only strain the canvas; NaN is nowhere. */
function within([px, py]) {
  return Math.abs(px) < FARTHEST && Math.abs(py) < FARTHEST;
}

function drawPoint(context, px, py, { colour, label, ring }, theme) {
  const shown = colour || theme.mark;
  if (ring) drawRing(context, px, py, 7, shown, theme.paper);
  else {
    context.beginPath();
    context.arc(px, py, 4.5, 0, 2 * Math.PI);
    context.fillStyle = shown;
    context.fill();
    context.lineWidth = 1.5;
    context.strokeStyle = theme.paper;
    context.stroke();
  }
  if (!label) return;
  context.font = NAME_FONT;
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.lineWidth = 3;
  context.lineJoin = "round";
  context.strokeStyle = theme.paper;
  context.strokeText(label, px + 11, py);
  context.fillStyle = theme.ink;
  context.fillText(label, px + 11, py);
}

function drawRing(context, px, py, radius, colour, halo) {
  for (const [stroke, width] of [[halo, 5], [colour, 2]]) {
    context.strokeStyle = stroke;
    context.lineWidth = width;
    context.beginPath();
    context.arc(px, py, radius, 0, 2 * Math.PI);
    context.stroke();
  }
}

function drawWindow(context, view, { cx, cy, hx, hy }, theme) {
  const [left, top] = pixelAt(view, cx - hx, cy + hy);
  const [right, bottom] = pixelAt(view, cx + hx, cy - hy);
  if (!within([left, top]) || !within([right, bottom])) return;
  context.save();
  context.strokeStyle = theme.quiet;
  context.lineWidth = 1;
  context.setLineDash([5, 4]);
  context.strokeRect(Math.round(left) + 0.5, Math.round(top) + 0.5, Math.round(right - left), Math.round(bottom - top));
  context.restore();
}

function drawLasso(context, view, lasso, theme) {
  context.save();
  context.beginPath();
  for (const [x, y] of lasso) context.lineTo(...pixelAt(view, x, y));
  context.closePath();
  context.fillStyle = theme.mark;
  context.globalAlpha = 0.08;
  context.fill("evenodd");
  context.globalAlpha = 1;
  context.strokeStyle = theme.paper;
  context.lineWidth = 3.5;
  context.stroke();
  context.strokeStyle = theme.mark;
  context.lineWidth = 1.5;
  context.setLineDash([6, 4]);
  context.stroke();
  context.restore();
}

function drawNullFrame(context, { width, height }, theme) {
  context.save();
  context.strokeStyle = theme.null;
  context.lineWidth = 6;
  context.setLineDash([14, 8]);
  context.strokeRect(3, 3, width - 6, height - 6);
  context.restore();
}

/**
 * Draws a field of shares (0 … 1) under the points: orange where few codes are meaningful, teal where most are.
 * @param {CanvasRenderingContext2D} context in CSS pixels of the plot; cleared by the caller
 * @param {{window: number[], side: number, values: Float32Array}} field row 0 is the lowest y
 * @param {object} view
 * @param {"light" | "dark"} theme
 */
export function drawField(context, { window: [x0, x1, y0, y1], side, values }, view, theme) {
  const [left, top] = pixelAt(view, x0, y1);
  const [right, bottom] = pixelAt(view, x1, y0);
  if (!within([left, top]) || !within([right, bottom])) return;
  const small = document.createElement("canvas");
  small.width = small.height = side;
  const own = small.getContext("2d");
  const image = own.createImageData(side, side);
  const [none, all] = FIELD_ENDS[theme].map(parseColour);
  for (let line = 0; line < side; line++) {
    for (let column = 0; column < side; column++) {
      const share = values[(side - 1 - line) * side + column];
      const pixel = 4 * (line * side + column);
      // Strong at both ends and faint in the middle, where the judge does not decide.
      for (let channel = 0; channel < 3; channel++) image.data[pixel + channel] = none[channel] + (all[channel] - none[channel]) * share;
      image.data[pixel + 3] = share === share ? 30 + 150 * Math.abs(share - 0.5) : 0;
    }
  }
  own.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = true;
  context.drawImage(small, left, top, right - left, bottom - top);
}
