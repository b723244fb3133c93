/**
 * Made points in a plane, to look at and to time.
 *
 * In a browser: frames.html?points=200000&mode=points&colour=category&theme=dark&half=1e-6&null=1&select=3
 * A script calls `measure(…)`, which the page leaves on its window.
 */
import { Plane } from "../../src/zscope/explorer/front/plane.js";

const GROUPS = 10;
const DEEP = [1.234567, -0.765432];

/** Uniform numbers, the same on every machine (mulberry32). */
function uniforms(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Ten bent groups in no order, one point in a thousand without a place, and a clump of half-width 1e-6 to dive into. */
function makePoints(count, seed = 1) {
  const uniform = uniforms(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  const x = new Float32Array(count);
  const y = new Float32Array(count);
  const groups = new Int32Array(count);
  const numbers = new Float32Array(count);
  for (let row = 0; row < count; row++) {
    const group = Math.floor(uniform() * GROUPS);
    const angle = (2 * Math.PI * group) / GROUPS;
    const along = normal();
    const across = 0.28 * normal() + 0.35 * along * along - 0.3;
    const radius = group % 2 ? 2.6 : 1.5;
    x[row] = 1.25 * (radius * Math.cos(angle) + along * Math.sin(angle) * 0.7 + across * Math.cos(angle));
    y[row] = radius * Math.sin(angle) - along * Math.cos(angle) * 0.7 + across * Math.sin(angle);
    groups[row] = row % 97 === 0 ? -1 : group;
    numbers[row] = Math.hypot(x[row], y[row]) + 0.2 * normal();
    if (row % 1000 === 7) x[row] = NaN;
    if (row % 1000 === 8) [x[row], y[row]] = [DEEP[0] + 2e-6 * (uniform() - 0.5), DEEP[1] + 2e-6 * (uniform() - 0.5)];
  }
  return { x, y, groups, numbers };
}

const plane = new Plane(document.querySelector("#plane"), { label: "Made points" });
let points = null;

function show({ count, mode, colour }) {
  if (points?.x.length !== count) points = makePoints(count);
  plane.setData({ x: points.x, y: points.y, names: { x: "axis0", y: "axis1" }, equal: true });
  plane.setColours(coloursOf(colour));
  plane.setSelected(null);
  plane.setMode(mode);
  plane.reset();
}

function coloursOf(colour) {
  if (colour === "category") return { kind: "category", values: points.groups, names: [..."0123456789"].map((digit) => `group ${digit}`), label: "group" };
  if (colour === "number") return { kind: "number", values: points.numbers, label: "distance" };
  return { kind: "none" };
}

/** One frame: resolves after it was drawn. */
function nextFrame() {
  return new Promise((done) => requestAnimationFrame(done));
}

/**
 * Pans in a circle while zooming in forty times and out again; every frame draws all points.
 * @returns {Promise<{draw: number[], frame: number[], inView: number[]}>} milliseconds of drawing and between frames
 */
async function measure({ count, mode, colour, select = false, frames = 90 }) {
  show({ count, mode, colour });
  if (select) plane.setSelected(Uint8Array.from(points.groups, (group) => (group === 3 ? 1 : 0)));
  await nextFrame();
  const home = plane.view;
  const taken = { draw: [], frame: [], inView: [] };
  let before = performance.now();
  for (let step = -5; step < frames; step++) {
    const turn = (2 * Math.PI * step) / frames;
    const scale = 40 ** (-(1 - Math.cos(turn)) / 2);
    const [cx, cy] = [home.cx + 2.3 * (1 - scale) * Math.cos(turn), home.cy + 1.6 * (1 - scale) * Math.sin(turn)];
    plane.setView({ cx, cy, ux: home.ux * scale, uy: home.uy * scale });
    await nextFrame();
    const now = performance.now();
    if (step >= 0) {
      taken.draw.push(plane.frame);
      taken.frame.push(now - before);
      taken.inView.push(plane.inView);
    }
    before = now;
  }
  return taken;
}

function fromAddress() {
  const wanted = new URLSearchParams(location.search);
  if (wanted.has("theme")) document.documentElement.dataset.theme = wanted.get("theme");
  show({ count: Number(wanted.get("points") ?? 200_000), mode: wanted.get("mode") ?? "density", colour: wanted.get("colour") ?? "category" });
  if (wanted.has("select")) plane.setSelected(Uint8Array.from(points.groups, (group) => (group === Number(wanted.get("select")) ? 1 : 0)));
  if (wanted.has("half")) {
    const unit = (2 * Number(wanted.get("half"))) / plane.view.height;
    plane.setView({ cx: DEEP[0], cy: DEEP[1], ux: unit, uy: unit });
  }
  if (wanted.has("null")) {
    const other = makePoints(points.x.length, 2);
    for (let row = 0; row < other.x.length; row++) other.y[row] *= -1;
    plane.setNull({ x: other.x, y: other.y, says: "covariance, draw 1: mean and covariance of the codes, nothing else" });
    plane.showNull(true);
  }
}

Object.assign(window, { plane, measure, shown: () => points });
fromAddress();
