/**
 * How a view moves: fitted, panned, zoomed about a place, gliding after the wheel, at rest.
 */
import { fitView, placeAt, zoomedView } from "./view.js";

const REST_MILLISECONDS = 300;
const GLIDE = 0.4;
const GLIDE_END = 0.004;

/** A view that moves. Told are `changed()` at each change and `rested()` when 300 ms passed without one. */
export class Motion {
  #home = null;
  #fit = null;
  #anchor = null;
  #left = 0;
  #timer = 0;
  #changed;
  #rested;

  /**
   * @param {() => void} changed
   * @param {() => void} rested
   */
  constructor(changed, rested) {
    this.#changed = changed;
    this.#rested = rested;
    this.view = { cx: 0, cy: 0, ux: 1, uy: 1, width: 0, height: 0 };
    this.atHome = true;
  }

  /**
   * Sets what the whole plane is.
   * @param {[number, number]} xs
   * @param {[number, number]} ys
   * @param {boolean} equal one scale for both axes
   */
  setExtent(xs, ys, equal) {
    this.#fit = { xs, ys, equal };
    this.#setHome();
  }

  /** @param {number} width CSS pixels @param {number} height */
  resize(width, height) {
    this.view = { ...this.view, width, height };
    this.#setHome();
    if (this.atHome) this.reset();
    else this.#notify();
  }

  /** Shows everything. */
  reset() {
    this.#left = 0;
    if (this.#home) this.#move({ ...this.#home });
    this.atHome = true;
  }

  /** @param {{cx: number, cy: number, ux: number, uy: number}} view */
  set({ cx, cy, ux, uy }) {
    this.#left = 0;
    this.#move({ ...this.view, cx, cy, ux, uy });
  }

  /**
   * Zooms about the place under a pixel, at once or over the next frames.
   * @param {number} px CSS pixels of the plot
   * @param {number} py
   * @param {number} factor above 1 zooms in
   * @param {boolean} [smooth]
   */
  zoom(px, py, factor, smooth = false) {
    if (!this.#home || !(factor > 0)) return;
    // Steps about one pixel share their place, so that rounding cannot make it creep.
    if (this.#anchor?.px !== px || this.#anchor.py !== py) {
      const [x, y] = placeAt(this.view, px, py);
      this.#anchor = { px, py, x, y };
      this.#left = 0;
    }
    if (smooth && !matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.#left += Math.log(factor);
      this.#changed(false);
    } else {
      this.#left = 0;
      this.#zoomBy(factor);
    }
  }

  /** @param {number} dx CSS pixels that the points follow @param {number} dy */
  pan(dx, dy) {
    this.#left = 0;
    const { cx, cy, ux, uy } = this.view;
    this.#move({ ...this.view, cx: cx - dx * ux, cy: cy + dy * uy });
  }

  /** Goes on with a smooth zoom, once a frame. @returns {boolean} whether there is more to go */
  step() {
    if (this.#left === 0) return false;
    const part = Math.abs(this.#left) < GLIDE_END ? this.#left : this.#left * GLIDE;
    const left = this.#left - part;
    this.#zoomBy(Math.exp(part));
    this.#left = left;
    return left !== 0;
  }

  /** Forgets what was to come. */
  stop() {
    clearTimeout(this.#timer);
    this.#left = 0;
  }

  #zoomBy(factor) {
    const anchor = this.#anchor;
    this.#move(zoomedView(this.view, anchor, factor, this.#home));
    this.#anchor = anchor;
  }

  #setHome() {
    const { width, height } = this.view;
    if (this.#fit && width > 0 && height > 0) this.#home = fitView(this.#fit.xs, this.#fit.ys, width, height, this.#fit.equal);
  }

  #move(view) {
    const same = ["cx", "cy", "ux", "uy", "width", "height"].every((name) => view[name] === this.view[name]);
    if (same) return;
    this.view = view;
    this.#anchor = null;
    this.atHome = false;
    this.#notify();
  }

  #notify() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#rested, REST_MILLISECONDS);
    this.#changed(true);
  }
}
