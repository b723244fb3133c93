// Sliders along principal components and attribute vectors: the shifted code, decoded while a slider moves.
import { decoderFault } from "./workspace.js";
import { DistanceMeter } from "./place.js";
import { Latest, button, figure, imageCanvas, inWords, make, segments } from "./dom.js";

const COMPONENTS = 8;
const SLIDER_REACH = { component: 4, attribute: 3 };

/** The panel of sliders. */
export class SlidersPanel {
  /**
   * @param {Workspace} workspace
   * @param {Pane} pane
   */
  constructor(workspace, pane) {
    this.workspace = workspace;
    this.pane = pane;
    this.shifts = {};
    this.inputs = [];
    this.decoding = new Latest((request) => this.decode(request));
    const fault = decoderFault(pane.run, "Sliders decode");
    this.element = fault ? make("p", { class: "zs-empty", text: fault }) : this.build();
  }

  /** @returns {HTMLElement} */
  build() {
    const { run } = this.pane;
    this.canvas = make("canvas", { class: "zs-image" });
    this.says = make("p", {});
    this.where = make("p", { class: "zs-soft" });
    this.meter = new DistanceMeter();
    const starts = [{ value: "mean", text: "the mean" }, { value: "point", text: "the selected point" }];
    this.from = segments("Start from", starts, "mean", (value) => this.startFrom(value));
    const components = run.component_sd.slice(0, COMPONENTS).map((sd, place) => {
      const name = `pc${place + 1}`;
      return this.slider(name, name, SLIDER_REACH.component, `one standard deviation is ${inWords(sd)}`);
    });
    const attributes = run.attributes.map((name) => this.slider(`attribute:${name}`, name, SLIDER_REACH.attribute, "times the attribute's vector"));
    return make("div", {},
      make("div", { class: "zs-beside" }, figure(this.canvas, ""), make("div", {}, this.says, this.where, this.meter.element)),
      make("div", { class: "zs-holding" }, make("span", { text: "Start from" }), this.from.element,
        button("Reset", () => this.reset(), { title: "All sliders to 0" })),
      make("h4", { text: "Principal components, in standard deviations" }), ...components,
      attributes.length ? make("h4", { text: "Attributes, times their vector" }) : null, ...attributes);
  }

  /** @param {string} key of the shift @param {string} name @param {number} reach @param {string} title @returns {HTMLElement} */
  slider(key, name, reach, title) {
    const value = make("output", { text: "0.0" });
    const input = make("input", { type: "range", min: String(-reach), max: String(reach), step: "0.1", value: "0", oninput: () => {
      value.textContent = Number(input.value).toFixed(1).replace("-", "−");
      this.shifts[key] = Number(input.value);
      this.ask();
    } });
    this.inputs.push({ input, value });
    return make("label", { class: "zs-slider", title }, make("span", { text: name }), input, value);
  }

  /** Called when the panel is opened. */
  shown() {
    if (this.canvas && !this.answered) this.ask();
  }

  /** @param {string} where "mean" or "point" */
  startFrom(where) {
    if (where === "point" && this.pane.picked === null) {
      this.workspace.say("Click a point first: there is none to start from.");
      this.from.set("mean");
      return;
    }
    this.atPoint = where === "point";
    this.ask();
  }

  /** All sliders to 0. */
  reset() {
    this.shifts = {};
    for (const { input, value } of this.inputs) {
      input.value = "0";
      value.textContent = "0.0";
    }
    this.ask();
  }

  /** The pane has another selected point. */
  pointChanged() {
    if (this.atPoint && this.canvas) this.ask();
  }

  /** The pane shows another plane: the code is elsewhere in it, or nowhere. */
  planeChanged() {
    if (this.answered) this.ask();
  }

  ask() {
    const base = this.atPoint && this.pane.picked !== null ? { kind: "row", row: this.pane.picked } : { kind: "mean" };
    const shifts = Object.fromEntries(Object.entries(this.shifts).filter(([, value]) => value !== 0));
    this.decoding.ask({ base, shifts, axes: this.pane.axes });
  }

  /** @param {{base: Object, shifts: Object, axes: Object}} request */
  async decode({ base, shifts, axes }) {
    const answer = await this.workspace.ask("decode", { run: this.pane.run.id, base, shifts, stream: `sliders-${this.pane.number}` });
    if (!answer) return;
    this.answered = true;
    imageCanvas(answer.buffers.images, 0, "Decoded image of the shifted code", this.canvas);
    this.says.textContent = answer.data.says;
    this.meter.show(answer.data.distances?.[0] ?? null);
    if (axes === this.pane.axes) this.markPlace(answer.buffers.codes.array, base, shifts);
  }

  /** Where the shifted code is in the plane. @param {Float32Array} code @param {Object} base @param {Object} shifts */
  markPlace(code, base, shifts) {
    const { pane } = this;
    const x = this.coordinate(pane.axes.x, pane.data.x, code, base, shifts);
    const y = this.coordinate(pane.axes.y, pane.data.y, code, base, shifts);
    const known = x !== null && y !== null;
    this.where.textContent = known
      ? `Ringed in the plane at ${inWords(x)}, ${inWords(y)}.`
      : `The plane ${pane.axes.x} × ${pane.axes.y} has no coordinates for this code.`;
    pane.mark("sliders", known ? { points: [{ x, y, colour: "--zs-place", label: "", ring: true }] } : null);
  }

  /** @returns {number|null} null where the column is not known for a new code */
  coordinate(name, values, code, base, shifts) {
    const axis = /^axis(\d+)$/.exec(name);
    if (axis) return code[Number(axis[1])];
    const component = /^pc(\d+)$/.exec(name);
    // Components are perpendicular, so the shift of another leaves this one; of an attribute's vector only the server
    // knows how far it runs along a component.
    if (!component || Object.keys(shifts).some((key) => key.startsWith("attribute:"))) return null;
    const start = base.kind === "row" ? values[base.row] : 0;
    return start + (shifts[name] ?? 0) * (this.pane.run.component_sd[Number(component[1]) - 1] ?? 0);
  }
}
