/**
 * The plane: hundreds of thousands of points, zoomed, panned, picked and lassoed.
 */
import { Gestures } from "./gestures.js";
import { Motion } from "./motion.js";
import { nearestRow, rowsInside } from "./picking.js";
import { Shown } from "./shown.js";
import { Stage } from "./stage.js";
import { boundsOf, pixelAt, placeAt, spacingNoteOf, windowOf } from "./view.js";

const PICK_RADIUS = 8;
const CLICK_ZOOM = 2;

/**
 * A plane of points in an element, with axes, legend, scale bar and a line that says how many are in view.
 *
 * Keys on the focused plot: arrows pan, + and − zoom, 0 shows everything, n flips to the null, m changes the mode, Enter
 * clicks in the middle, a is a lasso around the view, Escape removes the lasso. With the shift key or the middle button a
 * drag pans whatever the tool.
 *
 * Events (CustomEvent; detail in brackets):
 * - view [{view}] the view changed, also by `setView` where it differs from the one shown
 * - rest [{view}] the view has not changed for 300 ms
 * - pick [{row}] a click on a point of the codes; those of a null are not picked
 * - place [{x, y}] a click on an empty place
 * - drag [{x, y}] while dragging with the decode tool, at most once a frame
 * - hover [{row, x, y, px, py}] at most once a frame; row −1 over an empty place; px, py in CSS pixels of the plot
 * - lasso [{rows: Int32Array}] a lasso was closed, or key a
 * - legend [{index, on}] a category was clicked (−1: rows without a value); on false where it was the selection already
 * - flip [{shown, missing}] key n; where no null is set nothing changed and `missing` is true
 * - mode [{mode}] key m
 */
export class Plane extends EventTarget {
  #stage;
  #motion;
  #gestures;
  #shown = new Shown();
  #due = { frame: 0, points: false, moved: false, pointer: null, drag: null };
  #frame = 0;
  #watching = [];

  /**
   * @param {HTMLElement} element filled by the plane
   * @param {{label?: string}} [options] label: what the plane is, for screen readers
   */
  constructor(element, { label = "Plane of codes" } = {}) {
    super();
    this.#stage = new Stage(element, label, (index, on) => this.#tell("legend", { index, on }));
    this.#motion = new Motion((moved) => this.#changed(moved), () => this.#rested());
    this.#gestures = new Gestures(this.#stage.canvas, this.#meanings());
    this.#watch(element);
    this.setTool("pan");
    this.#resize();
  }

  /** The canvas with the points, which takes the keys. @returns {HTMLCanvasElement} */
  get canvas() {
    return this.#stage.canvas;
  }

  /** Left and top of the plot in the element, CSS pixels. @returns {[number, number]} */
  get origin() {
    return this.#stage.origin;
  }

  /**
   * Shows other points. The view is reset where the names of the axes changed; a null is dropped, and colours and a
   * selection of another length are.
   * @param {{x: ArrayLike<number>, y: ArrayLike<number>, names: {x: string, y: string}, equal?: boolean, unit?: string, spacing?: number}} data
   *   typed arrays, latent units; rows with NaN are not drawn; equal: one scale for both axes; unit: said by the scale bar;
   *   spacing: see `spacingNoteOf`
   */
  setData(data) {
    const other = this.#shown.setCodes(data);
    this.#motion.setExtent(boundsOf(data.x), boundsOf(data.y), data.equal ?? true);
    if (other) this.reset();
    this.#request(true);
  }

  /**
   * Sets the cloud that `showNull` flips to.
   * @param {{x: ArrayLike<number>, y: ArrayLike<number>, says: string} | null} cloud says: which null, for the banner
   */
  setNull(cloud) {
    this.#shown.setNull(cloud);
    this.#request(true);
  }

  /** @param {boolean} shown whether the null is drawn instead of the codes, in the same view */
  showNull(shown) {
    this.#shown.showNull(shown);
    this.#request(true);
  }

  /** @returns {boolean} */
  get hasNull() {
    return this.#shown.null !== null;
  }

  /** @returns {boolean} */
  get nullShown() {
    return this.#shown.nullShown;
  }

  /**
   * @param {{kind: "none" | "category" | "number", values?: ArrayLike<number>, names?: string[], label?: string}} colours
   *   one value a row: a category's index (−1: none) or a number (NaN: none)
   */
  setColours(colours) {
    this.#shown.setColours(colours);
    this.#stage.forgetTables();
    this.#request(true);
  }

  /** @param {Uint8Array | null} selected 1 = selected; the others are drawn grey */
  setSelected(selected) {
    this.#shown.setSelected(selected);
    this.#request(true);
  }

  /** @param {"density" | "points"} mode */
  setMode(mode) {
    this.#shown.mode = mode;
    this.#request(true);
  }

  /** @returns {"density" | "points"} */
  get mode() {
    return this.#shown.mode;
  }

  /** @param {"pan" | "decode" | "lasso"} tool what a drag does */
  setTool(tool) {
    this.#gestures.tool = tool;
    this.#stage.canvas.dataset.tool = tool;
  }

  /** @returns {"pan" | "decode" | "lasso"} */
  get tool() {
    return this.#gestures.tool;
  }

  /**
   * Replaces what is drawn over the points (the field: under them).
   * @param {{points?: {x: number, y: number, colour?: string, label?: string, ring?: boolean}[], path?: number[][], field?: object | null, window?: object | null}} overlay
   *   in latent units; field {window: [x0, x1, y0, y1], side, values: Float32Array of shares}; window {cx, cy, hx, hy}
   */
  setOverlay(overlay) {
    // Only a field lies under the points and needs the whole frame.
    const fields = overlay.field || this.#shown.overlay.field;
    this.#shown.overlay = overlay;
    this.#request(Boolean(fields));
  }

  /** @returns {{cx: number, cy: number, ux: number, uy: number, width: number, height: number}} see view.js */
  get view() {
    return { ...this.#motion.view };
  }

  /** @param {{cx: number, cy: number, ux: number, uy: number}} view the size stays the plot's own */
  setView({ cx, cy, ux, uy }) {
    if (![cx, cy, ux, uy].every(Number.isFinite) || ux <= 0 || uy <= 0) throw new RangeError(`a view must be finite with scales above 0, got ${[cx, cy, ux, uy]}`);
    this.#motion.set({ cx, cy, ux, uy });
  }

  /** Shows everything. */
  reset() {
    this.#motion.reset();
  }

  /**
   * Zooms about a place that stays under its pixel.
   * @param {number} px CSS pixels of the plot
   * @param {number} py
   * @param {number} factor above 1 zooms in
   */
  zoomAt(px, py, factor) {
    this.#motion.zoom(px, py, factor);
  }

  /** @returns {[number, number, number, number]} x0, x1, y0, y1 in latent units */
  window() {
    return windowOf(this.#motion.view);
  }

  /** Latent place under a pixel of the plot. @param {number} px @param {number} py @returns {[number, number]} */
  place(px, py) {
    return placeAt(this.#motion.view, px, py);
  }

  /** Pixel of the plot of a latent place. @param {number} x @param {number} y @returns {[number, number]} */
  pixel(x, y) {
    return pixelAt(this.#motion.view, x, y);
  }

  /**
   * The code nearest to a pixel of the plot.
   * @param {number} px @param {number} py @param {number} radius CSS pixels
   * @returns {number} its row, −1 where there is none so near or the null is shown
   */
  nearest(px, py, radius) {
    if (!this.#shown.codes || this.#shown.nullShown) return -1;
    return nearestRow(this.#shown.codes.sorted, this.#motion.view, px, py, radius);
  }

  /** Points in the window in the last frame. @returns {number} */
  get inView() {
    return this.#stage.renderer.inView;
  }

  /** Points without a place, which are not drawn. @returns {number} */
  get leftOut() {
    return this.#shown.leftOut;
  }

  /** Milliseconds that the last frame with points took. @returns {number} */
  get frame() {
    return this.#frame;
  }

  /** Says where a pixel is finer than the float32 spacing of the values in view. @returns {string} "" where it is not */
  get spacingNote() {
    const { codes } = this.#shown;
    return codes ? spacingNoteOf(this.#motion.view, codes.names, codes.spacing) : "";
  }

  /** Says a line to screen readers when they are free. @param {string} text */
  say(text) {
    this.#stage.say(text);
  }

  /** Reads the theme again; the plane does so itself when the system's or the page's theme changes. */
  retheme() {
    this.#stage.readTheme();
    this.#request(true);
  }

  /** Takes the plane away. */
  destroy() {
    cancelAnimationFrame(this.#due.frame);
    this.#motion.stop();
    this.#gestures.destroy();
    this.#watching.forEach((stop) => stop());
    this.#stage.destroy();
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /** What the gestures mean here. */
  #meanings() {
    return {
      zoom: (px, py, factor, smooth) => this.#motion.zoom(px, py, factor, smooth),
      pan: (dx, dy) => this.#motion.pan(dx, dy),
      click: (px, py) => this.#click(px, py),
      twice: (px, py) => this.#motion.zoom(px, py, CLICK_ZOOM, true),
      hover: (px, py) => this.#later("pointer", [px, py]),
      leave: () => this.#later("pointer", [NaN, NaN]),
      drag: (px, py) => this.#later("drag", [px, py]),
      lasso: (points, closed) => this.#lassoed(points, closed),
      middle: () => this.#middle(),
      key: (name) => this.#key(name),
    };
  }

  #middle() {
    return [this.#motion.view.width / 2, this.#motion.view.height / 2];
  }

  #later(what, place) {
    this.#due[what] = place;
    this.#request(false);
  }

  #click(px, py) {
    if (!this.#shown.codes) return;
    const row = this.nearest(px, py, PICK_RADIUS);
    if (row >= 0) this.#tell("pick", { row });
    else this.#tell("place", this.#placeDetail(px, py));
  }

  #placeDetail(px, py) {
    const [x, y] = this.place(px, py);
    return { x, y };
  }

  #lassoed(points, closed) {
    this.#shown.lasso = points && points.map(([px, py]) => this.place(px, py));
    this.#request(false);
    if (!closed) return;
    if (points.length < 3 || !this.#shown.codes || this.#shown.nullShown) {
      this.#shown.lasso = null;
      if (this.#shown.nullShown) this.say("The lasso selects codes; the null cloud is shown.");
      return;
    }
    this.#tell("lasso", { rows: rowsInside(this.#shown.codes.sorted, this.#shown.lasso, this.#motion.view) });
  }

  #key(name) {
    const { width, height } = this.#motion.view;
    const acts = {
      Enter: () => this.#click(...this.#middle()),
      a: () => this.#lassoed([[0, 0], [width, 0], [width, height], [0, height]], true),
      0: () => this.reset(),
      n: () => this.#flip(),
      m: () => {
        this.setMode(this.#shown.mode === "density" ? "points" : "density");
        this.#tell("mode", { mode: this.#shown.mode });
      },
      Escape: () => {
        this.#gestures.leave();
        this.#lassoed(null, false);
      },
    };
    acts[name]?.();
    return name in acts && name !== "Escape";
  }

  #flip() {
    const missing = this.#shown.null === null;
    if (!missing) this.showNull(!this.#shown.nullShown);
    this.#tell("flip", { shown: this.#shown.nullShown, missing });
  }

  /** Follows the size of the element and the theme of the system and of the page. */
  #watch(element) {
    const sizes = new ResizeObserver(() => this.#resize());
    sizes.observe(this.#stage.plot);
    const themes = new MutationObserver(() => this.retheme());
    for (const themed of new Set([document.documentElement, element.closest("[data-theme]")])) {
      if (themed) themes.observe(themed, { attributes: true, attributeFilter: ["data-theme"] });
    }
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const change = () => this.retheme();
    dark.addEventListener("change", change);
    this.#watching = [() => sizes.disconnect(), () => themes.disconnect(), () => dark.removeEventListener("change", change)];
  }

  #resize() {
    const size = this.#stage.resize();
    if (!size) return;
    this.#motion.resize(...size);
    // A canvas that was resized is empty until it is drawn: at once, or it would flicker.
    this.#draw(true);
  }

  #changed(moved) {
    this.#due.moved ||= moved;
    this.#request(moved);
  }

  #rested() {
    if (!this.#shown.codes) return;
    if (document.activeElement === this.canvas) this.say(this.#stage.summary);
    this.#tell("rest", { view: this.view });
  }

  #request(points) {
    this.#due.points ||= points;
    this.#due.frame ||= requestAnimationFrame(() => this.#run());
  }

  /** One frame: everything that was asked for since the last one is drawn once. */
  #run() {
    this.#due.frame = 0;
    if (this.#motion.step()) this.#request(true);
    if (window.devicePixelRatio !== this.#stage.ratio) this.#resize();
    this.#hover();
    const { points, moved, drag } = this.#due;
    Object.assign(this.#due, { points: false, moved: false, drag: null });
    this.#draw(points);
    if (moved) this.#tell("view", { view: this.view });
    if (drag) this.#tell("drag", this.#placeDetail(...drag));
  }

  #hover() {
    if (!this.#due.pointer) return;
    const [px, py] = this.#due.pointer;
    this.#due.pointer = null;
    this.#shown.hovered = Number.isNaN(px) ? -1 : this.nearest(px, py, PICK_RADIUS);
    this.#tell("hover", { row: this.#shown.hovered, ...this.#placeDetail(px, py), px, py });
  }

  #draw(points) {
    if (!this.#shown.codes || this.#motion.view.width === 0) return;
    const began = performance.now();
    this.#stage.draw(this.#shown.stateOf(this.#motion.view), points);
    if (points) this.#frame = performance.now() - began;
  }
}
