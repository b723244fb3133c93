// The values of one code: a chart of all of them, the largest by name, and every value to read.
import { inWords, make, themeColour } from "./dom.js";

const HEIGHT = 72;
const NAMED = 6;

/** Shows codes, one after the other. */
export class CodeChart {
  constructor() {
    this.canvas = make("canvas", { class: "zs-code", role: "img" });
    this.largest = make("p", { class: "zs-chips" });
    this.summary = make("summary", {});
    this.list = make("ol", { start: "0", class: "zs-values" });
    this.all = make("details", { ontoggle: () => this.fillList() }, this.summary, this.list);
    this.element = make("div", { class: "zs-codes", hidden: true }, this.canvas, this.largest, this.all);
  }

  /**
   * Show a code.
   * @param {Float32Array} code (d,)
   * @returns {void}
   */
  show(code) {
    this.code = code;
    this.element.hidden = false;
    const order = Array.from(code.keys()).sort((a, b) => Math.abs(code[b]) - Math.abs(code[a])).slice(0, NAMED);
    this.largest.replaceChildren(...order.map((axis) => make("span", { text: `axis${axis} ` }, make("b", { text: inWords(code[axis]) }))));
    this.summary.textContent = `All ${inWords(code.length)} values`;
    const largest = order.map((axis) => `axis ${axis} ${inWords(code[axis])}`).join(", ");
    this.canvas.setAttribute("aria-label", `Bar chart of the code's values; largest: ${largest}`);
    this.draw();
    this.fillList();
  }

  /** Bars from the zero line; where a pixel holds several axes it spans all their values. */
  draw() {
    const { canvas, code } = this;
    const width = canvas.clientWidth || 320;
    const ratio = devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(HEIGHT * ratio);
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    const reach = code.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-12);
    const height = (value) => HEIGHT / 2 * (1 - value / reach);
    const step = width / code.length;
    context.fillStyle = themeColour(canvas, "--zs-accent");
    code.forEach((value, axis) => {
      const top = Math.min(height(value), HEIGHT / 2);
      context.fillRect(axis * step, top, Math.max(step - (step > 3 ? 1 : 0), 0.6), Math.abs(height(value) - HEIGHT / 2));
    });
    context.fillStyle = themeColour(canvas, "--zs-rule");
    context.fillRect(0, HEIGHT / 2 - 0.5, width, 1);
  }

  /** The list is built only while it is open: a code can have thousands of values. */
  fillList() {
    if (!this.all.open || !this.code) return;
    this.list.replaceChildren(...Array.from(this.code, (value) => make("li", { text: value.toPrecision(7).replace("-", "−") })));
  }
}
