// What is at an empty place of the plane: the code there, decoded while the pointer moves.
import { decoderFault } from "./workspace.js";
import { CodeChart } from "./codes.js";
import { Latest, figure, imageCanvas, inWords, make, segments } from "./dom.js";

const METER_REACH = 2;

/** Decodes the place that was clicked or dragged over. */
export class PlaceView {
  /**
   * @param {Workspace} workspace
   * @param {Pane} pane
   */
  constructor(workspace, pane) {
    this.workspace = workspace;
    this.pane = pane;
    this.place = null;
    this.decoding = new Latest((place) => this.decode(place));
    this.title = make("h3", { text: "Empty place" });
    this.canvas = make("canvas", { class: "zs-image" });
    this.kind = make("span", { class: "zs-badge" });
    this.says = make("p", {});
    this.meter = new DistanceMeter();
    this.chart = new CodeChart();
    this.held = segments("Other coordinates held at", [
      { value: "mean", text: "the mean", title: "of the training codes" },
      { value: "point", text: "the selected point", title: "the point that was clicked last" },
    ], "mean", (value) => this.hold(value === "point"));
    this.holding = make("div", { class: "zs-holding" }, make("span", { text: "Others held at" }), this.held.element);
    this.fault = decoderFault(pane.run, "Looking at an empty place decodes");
    const words = make("div", {}, this.kind, this.says, this.meter.element);
    const answer = this.fault ? make("p", { class: "zs-empty", text: this.fault }) : make("div", { class: "zs-beside" }, figure(this.canvas, ""), words);
    this.element = make("section", { hidden: true }, this.title, answer, this.holding, this.chart.element);
  }

  /**
   * Decode a place.
   * @param {number} x in the plane
   * @param {number} y
   * @returns {void}
   */
  show(x, y) {
    const { pane } = this;
    this.element.hidden = false;
    this.place = { x, y };
    this.title.textContent = `Place ${pane.axes.x} ${inWords(x)}, ${pane.axes.y} ${inWords(y)}`;
    pane.mark("place", { points: [{ x, y, colour: "--zs-place", label: "", ring: true }] });
    this.holding.hidden = this.fault !== "" || !pane.invertible;
    if (!this.fault) this.decoding.ask({ x, y, plane: pane.axes, base: pane.base });
  }

  /** The plane or the selected point has changed. */
  again() {
    if (!this.place) return;
    if (this.pane.layers.has("place")) this.show(this.place.x, this.place.y);
    else this.hide();
  }

  /** Take the place away. */
  hide() {
    this.place = null;
    this.element.hidden = true;
    this.pane.mark("place", null);
  }

  /** @param {boolean} atPoint */
  hold(atPoint) {
    const { pane } = this;
    if (atPoint && pane.picked === null) {
      this.workspace.say("Click a point first: there is none whose coordinates could be held.");
      this.held.set("mean");
      return;
    }
    pane.heldAtPoint = atPoint;
    this.held.set(atPoint ? "point" : "mean");
    this.again();
    pane.meaning.refresh();
  }

  /** @param {{x: number, y: number, plane: Object, base: Object}} place */
  async decode({ x, y, plane, base }) {
    const params = { run: this.pane.run.id, base, plane, at: [[x, y]], stream: `place-${this.pane.number}` };
    const answer = await this.workspace.ask("decode", params);
    if (!answer) {
      this.clear();
      return;
    }
    imageCanvas(answer.buffers.images, 0, `Decoded image at ${inWords(x)}, ${inWords(y)}`, this.canvas);
    const blend = answer.data.how === "blend";
    this.kind.textContent = blend ? "blend of neighbours" : "decoded";
    this.kind.classList.toggle("zs-warn", blend);
    this.says.textContent = answer.data.says;
    this.meter.show(answer.data.distances?.[0] ?? null);
    this.chart.show(answer.buffers.codes.array);
  }

  /** Nothing was decoded: what is shown belongs to another place. */
  clear() {
    this.canvas.getContext("2d").clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.canvas.setAttribute("aria-label", "");
    this.kind.textContent = "";
    this.says.textContent = "Nothing could be decoded here.";
    this.meter.show(null);
    this.chart.element.hidden = true;
  }
}

/** How far an image is from real ones by the run's judge: up to 1 it is meaningful. */
export class DistanceMeter {
  constructor() {
    this.bar = make("i", {});
    this.words = make("span", {});
    const title = "Distance from real images by the run's judge: up to 1 an image is meaningful";
    this.element = make("div", { class: "zs-meter", hidden: true, title }, make("div", { "aria-hidden": "true" }, this.bar), this.words);
  }

  /**
   * Show a distance.
   * @param {number|null} distance null where the run has no judge
   * @returns {void}
   */
  show(distance) {
    this.element.hidden = distance === null;
    if (distance === null) return;
    this.bar.style.width = `${100 * Math.min(distance / METER_REACH, 1)}%`;
    this.element.classList.toggle("zs-far", distance > 1);
    this.words.textContent = `judge's distance ${inWords(distance)}: ${distance <= 1 ? "meaningful" : "not meaningful"}`;
  }
}
