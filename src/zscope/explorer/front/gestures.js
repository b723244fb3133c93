/**
 * Pointer, wheel and keys on the plot, turned into what they mean: zoom, pan, click, hover, drag, lasso.
 */

const STILL = 3;
const DOUBLE_MILLISECONDS = 350;
const DOUBLE_PIXELS = 6;
const WHEEL_RATE = 0.0018;
const PINCH_RATE = 0.01;
const KEY_STEP = 60;
const KEY_FACTOR = 1.5;

/**
 * Listens to the plot.
 *
 * `to` is told: zoom(px, py, factor), pan(dx, dy) in pixels since the last call, click(px, py), twice(px, py),
 * hover(px, py), leave(), drag(px, py), lasso(points | null, closed), middle() → [px, py], key(name) → whether it was used.
 */
export class Gestures {
  #canvas;
  #to;
  #pointers = new Map();
  #doing = null;
  #start = null;
  #last = null;
  #points = [];
  #clicked = { time: -Infinity, px: 0, py: 0 };
  #stop = new AbortController();

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {object} to what is told, see above
   */
  constructor(canvas, to) {
    this.#canvas = canvas;
    this.#to = to;
    this.tool = "pan";
    const on = (type, act, options = {}) => canvas.addEventListener(type, act, { signal: this.#stop.signal, ...options });
    on("pointerdown", (event) => this.#down(event));
    on("pointermove", (event) => this.#move(event));
    on("pointerup", (event) => this.#up(event));
    on("pointercancel", (event) => this.#cancel(event));
    on("pointerleave", () => this.#doing === null && to.leave());
    on("wheel", (event) => this.#wheel(event), { passive: false });
    on("keydown", (event) => this.#key(event));
  }

  /** Stops listening. */
  destroy() {
    this.#stop.abort();
  }

  /** Leaves what is under way, such as a lasso that is being drawn. */
  leave() {
    this.#doing = null;
    this.#points = [];
  }

  #placeOf(event) {
    const box = this.#canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  #down(event) {
    if (event.button === 2) return;
    event.preventDefault();
    this.#canvas.focus({ preventScroll: true });
    // A pointer made by a script cannot be captured; the gesture works within the plot without it.
    if (event.isTrusted) this.#canvas.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, this.#placeOf(event));
    this.#start = this.#last = this.#placeOf(event);
    this.#points = [this.#start];
    if (this.#pointers.size === 2) this.#doing = "pinch";
    else this.#doing = event.button === 1 || event.shiftKey ? "pan" : this.tool;
    this.moved = false;
  }

  #move(event) {
    const place = this.#placeOf(event);
    if (this.#doing === null || !this.#pointers.has(event.pointerId)) {
      this.#to.hover(...place);
      return;
    }
    if (this.#doing === "pinch") {
      this.#pinch(event.pointerId, place);
      return;
    }
    this.#pointers.set(event.pointerId, place);
    this.moved ||= Math.hypot(place[0] - this.#start[0], place[1] - this.#start[1]) > STILL;
    if (!this.moved) return;
    if (this.#doing === "pan") this.#to.pan(place[0] - this.#last[0], place[1] - this.#last[1]);
    if (this.#doing === "decode") this.#to.drag(...place);
    if (this.#doing === "lasso") this.#lassoTo(place);
    this.#last = place;
  }

  #lassoTo(place) {
    const [px, py] = this.#points.at(-1);
    if (Math.hypot(place[0] - px, place[1] - py) < STILL) return;
    this.#points.push(place);
    this.#to.lasso(this.#points, false);
  }

  #pinch(pointer, place) {
    const [a, b] = this.#pointers.values();
    const middle = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
    const before = Math.hypot(a[0] - b[0], a[1] - b[1]);
    this.#pointers.set(pointer, place);
    const [c, d] = this.#pointers.values();
    this.#to.pan((c[0] + d[0]) / 2 - middle[0], (c[1] + d[1]) / 2 - middle[1]);
    this.#to.zoom((c[0] + d[0]) / 2, (c[1] + d[1]) / 2, Math.hypot(c[0] - d[0], c[1] - d[1]) / Math.max(before, 1));
    this.moved = true;
  }

  #up(event) {
    if (!this.#pointers.delete(event.pointerId)) return;
    const doing = this.#doing;
    this.#doing = this.#pointers.size > 0 ? "rest of a pinch" : null;
    if (doing === "lasso" && this.moved) this.#to.lasso(this.#points, true);
    else if (doing !== null && !this.moved) this.#click(event);
    this.#points = [];
  }

  #click(event) {
    const [px, py] = this.#placeOf(event);
    const { time, px: lastX, py: lastY } = this.#clicked;
    const twice = event.timeStamp - time < DOUBLE_MILLISECONDS && Math.hypot(px - lastX, py - lastY) < DOUBLE_PIXELS;
    this.#clicked = { time: twice ? -Infinity : event.timeStamp, px, py };
    if (twice) this.#to.twice(px, py);
    else this.#to.click(px, py);
  }

  #cancel(event) {
    this.#pointers.delete(event.pointerId);
    if (this.#doing === "lasso") this.#to.lasso(null, false);
    this.leave();
  }

  #wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 33 : event.deltaMode === 2 ? 400 : 1;
    const delta = Math.min(Math.max(event.deltaY * lines, -400), 400);
    // A pinch on a touchpad arrives as a wheel with the control key and small steps.
    const rate = event.ctrlKey && Math.abs(delta) < 50 ? PINCH_RATE : WHEEL_RATE;
    this.#to.zoom(...this.#placeOf(event), Math.exp(-delta * rate), true);
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrows = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const arrow = arrows[event.key];
    let used = true;
    if (arrow) this.#to.pan(arrow[0] * KEY_STEP, arrow[1] * KEY_STEP);
    else if (event.key === "+" || event.key === "=") this.#to.zoom(...this.#to.middle(), KEY_FACTOR, true);
    else if (event.key === "-" || event.key === "_") this.#to.zoom(...this.#to.middle(), 1 / KEY_FACTOR, true);
    else used = this.#to.key(event.key);
    if (used) event.preventDefault();
  }
}
