// One run: its plane, the toolbar over it and the statistics under it. What is drawn over the points is kept in named layers.
import { Plane } from "./plane.js";
import { isLatent, runText, unitOf } from "./workspace.js";
import { field, icon, make, select, themeColour } from "./dom.js";
import { PlaneChooser, colourSelect } from "./chooser.js";
import { HoverCard } from "./hover.js";
import { MeaningField } from "./meaning.js";
import { NullSwitch } from "./nulls.js";
import { WindowStatistics } from "./window.js";

const TOOLS = [
  { value: "pan", title: "Pan and pick (h)", path: "M8 1.5v13M1.5 8h13M8 1.5 6.2 3.3M8 1.5l1.8 1.8M8 14.5l-1.8-1.8M8 14.5l1.8-1.8M1.5 8l1.8-1.8M1.5 8l1.8 1.8M14.5 8l-1.8-1.8M14.5 8l-1.8 1.8" },
  { value: "decode", title: "Decode while dragging (d)", path: "M8 1.5v3.5M8 11v3.5M1.5 8h3.5M11 8h3.5M8 8h.01M5 5h6v6h-6z" },
  { value: "lasso", title: "Lasso a set of points (s)", path: "M5 11.2C2.9 10.5 1.5 8.9 1.5 7 1.5 4.2 4.4 2 8 2s6.5 2.2 6.5 5-2.9 5-6.5 5c-.6 0-1.2-.1-1.8-.2M5.7 10a1.2 1.2 0 1 1-1.2 1.5M4.7 12c.4 1 .2 1.9-.7 2.5" },
];
const MODES = [
  { value: "density", title: "Density: codes a pixel (m)", path: "M2.5 13.5v-3M5.25 13.5V7M8 13.5v-11M10.750 13.5V6M13.5 13.5v-4" },
  { value: "points", title: "Points: every code a dot (m)", path: "M4 4.5h.01M8.5 3h.01M12.5 6h.01M6.5 8.5h.01M11 10.5h.01M3.5 12h.01M7.5 13h.01" },
];
const ZOOMS = {
  in: { title: "Zoom in (+)", path: "M8 3v10M3 8h10" },
  out: { title: "Zoom out (−)", path: "M3 8h10" },
  all: { title: "Whole cloud (0)", path: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10" },
};
const ZOOM_STEP = 1.6;

/** @typedef {{x: number, y: number, colour: string, label: string, ring: boolean}} Mark colour: name of a custom property */

/** A plane of one run with its tools. */
export class Pane {
  /**
   * @param {Workspace} workspace
   * @param {Object} run data of the session
   */
  constructor(workspace, run) {
    this.workspace = workspace;
    this.run = run;
    this.number = workspace.nextNumber();
    this.axes = null;
    this.colour = "";
    this.mode = "density";
    this.data = null;
    this.rows = null;
    this.coloured = null;
    this.picked = null;
    this.heldAtPoint = false;
    this.layers = new Map();
    this.loading = 0;
    this.build();
    this.listen();
  }

  /** Whether an empty place of the plane is a code: both axes are directions in latent space. @returns {boolean} */
  get invertible() {
    return isLatent(this.axes.x) && isLatent(this.axes.y);
  }

  /** Where the coordinates come from that the plane does not give, as the calls take it. @returns {{kind: string, row?: number}} */
  get base() {
    return this.heldAtPoint && this.picked !== null ? { kind: "row", row: this.picked } : { kind: "mean" };
  }

  build() {
    this.stage = make("div", { class: "zs-stage" });
    this.plot = new Plane(this.stage, { label: `Plane of ${this.run.label}` });
    this.hover = new HoverCard(this.workspace, this);
    this.nulls = new NullSwitch(this.workspace, this);
    this.meaning = new MeaningField(this.workspace, this);
    this.statistics = new WindowStatistics(this.workspace, this);
    this.chooser = new PlaneChooser(this.run, (plane) => this.setAxes(plane), (message) => this.workspace.tell("error", { message }));
    this.colours = colourSelect(this.run, (name) => this.setColour(name));
    const bar = make("div", { class: "zs-bar", role: "toolbar", "aria-label": `Plane of ${this.run.label}` },
      this.runChoice(), this.chooser.element, field("Colour", this.colours, "zs-colour"), this.nulls.element, this.meaning.element);
    const holder = make("div", { class: "zs-plot" }, this.stage, this.palette(), this.meaning.legend, this.hover.element);
    this.element = make("section", { class: "zs-pane", "aria-label": this.run.label }, bar, holder, this.statistics.element);
  }

  /** Which run the pane shows, where there are several. @returns {HTMLElement|null} */
  runChoice() {
    const { runs } = this.workspace.session;
    if (runs.length < 2) return null;
    const choices = runs.map((run) => ({ value: run.id, text: runText(run, runs) }));
    const element = select(choices, (id) => this.workspace.tell("run", { pane: this, id }), { title: "Run" });
    element.value = this.run.id;
    return field("Run", element, "zs-run");
  }

  /** Tools over the plane's corner. @returns {HTMLElement} */
  palette() {
    const one = ({ path, title }, act) => make("button", { type: "button", title, "aria-label": title, onclick: act }, icon(path));
    const zoom = (factor) => this.plot.zoomAt(this.plot.view.width / 2, this.plot.view.height / 2, factor);
    this.tools = new Map(TOOLS.map((tool) => [tool.value, one(tool, () => this.setTool(tool.value))]));
    this.modes = new Map(MODES.map((mode) => [mode.value, one(mode, () => this.setMode(mode.value))]));
    this.setTool("pan");
    this.setMode(this.mode);
    return make("div", { class: "zs-palette" },
      make("div", { role: "group", "aria-label": "Tool" }, ...this.tools.values()),
      make("div", { role: "group", "aria-label": "Drawn as" }, ...this.modes.values()),
      make("div", { role: "group", "aria-label": "Zoom" },
        one(ZOOMS.in, () => zoom(ZOOM_STEP)), one(ZOOMS.out, () => zoom(1 / ZOOM_STEP)), one(ZOOMS.all, () => this.plot.reset())));
  }

  listen() {
    const tell = (type, more) => this.workspace.tell(type, { pane: this, ...more });
    const on = (type, act) => this.plot.addEventListener(type, (event) => act(event.detail));
    this.element.addEventListener("pointerdown", () => this.workspace.activate(this), true);
    this.element.addEventListener("focusin", () => this.workspace.activate(this));
    on("pick", ({ row }) => tell("pick", { row }));
    on("place", ({ x, y }) => tell("place", { x, y }));
    on("drag", ({ x, y }) => tell("place", { x, y }));
    on("hover", ({ row, px, py }) => {
      this.hover.over(row, px, py);
      tell("hover", { row });
    });
    on("lasso", ({ rows }) => {
      this.setTool("pan");
      tell("selection", { rows });
    });
    on("legend", ({ index, on: chosen }) => this.chooseCategory(chosen ? index : null));
    on("mode", ({ mode }) => this.setMode(mode));
    on("flip", ({ missing }) => missing ? this.nulls.flip() : this.nulls.flipped());
    on("view", () => this.hover.over(-1));
    on("rest", () => {
      this.statistics.refresh();
      this.meaning.refresh();
      tell("view");
    });
  }

  /**
   * Make the points of one category the selection.
   * @param {number|null} index of the category, −1 for points without one; null to select nothing
   * @returns {Promise<void>}
   */
  async chooseCategory(index) {
    const column = await this.workspace.column(this.run.id, this.colour);
    const rows = [];
    if (index !== null) column.values.forEach((value, row) => value === index && rows.push(row));
    this.workspace.tell("selection", { pane: this, rows: Int32Array.from(rows) });
  }

  /**
   * Show a plane.
   * @param {{x: string, y: string}} plane columns of the run
   * @returns {Promise<void>}
   */
  async setAxes({ x, y }) {
    this.wanted = { x, y };
    this.busy(1);
    const [across, up] = await Promise.all([this.workspace.column(this.run.id, x), this.workspace.column(this.run.id, y)]);
    this.busy(-1);
    if (this.wanted.x !== x || this.wanted.y !== y) return;
    if (!across || !up) {
      if (this.axes) this.chooser.set(this.axes);
      return;
    }
    this.axes = { x, y };
    this.data = { x: across.values, y: up.values };
    this.chooser.set(this.axes);
    this.nulls.clear();
    for (const layer of ["place", "sliders", "path", "draws", "hover"]) this.layers.delete(layer);
    const unit = unitOf(this.run, x);
    const equal = unit === unitOf(this.run, y);
    const said = unit === "latent" ? "latent units" : "units of the map";
    this.plot.setData({ ...this.data, names: { x, y }, equal, unit: said, spacing: this.run.spacing });
    this.meaning.planeChanged();
    this.statistics.refresh();
    this.markPicked();
    this.workspace.tell("plane", { pane: this });
  }

  /**
   * Colour the points.
   * @param {string} name of a column; empty for none
   * @returns {Promise<void>}
   */
  async setColour(name) {
    this.colour = name;
    this.colours.value = name;
    this.coloured = null;
    this.workspace.tell("view", { pane: this });
    if (!name) {
      this.plot.setColours({ kind: "none" });
      return;
    }
    this.busy(1);
    const column = await this.workspace.column(this.run.id, name);
    this.busy(-1);
    if (this.colour !== name) return;
    if (!column) {
      this.setColour("");
      return;
    }
    this.coloured = column;
    if (column.kind === "category") this.plot.setColours({ kind: "category", values: column.values, names: column.names, label: name });
    else this.plot.setColours({ kind: "number", values: Float32Array.from(column.values), names: [], label: name });
  }

  /** @param {string} mode "density" or "points" */
  setMode(mode) {
    this.mode = mode;
    this.modes.forEach((one, name) => one.setAttribute("aria-pressed", String(name === mode)));
    this.plot.setMode(mode);
    this.workspace.tell("view", { pane: this });
  }

  /** @param {string} tool "pan", "decode" or "lasso" */
  setTool(tool) {
    this.tool = tool;
    this.tools.forEach((one, name) => one.setAttribute("aria-pressed", String(name === tool)));
    this.plot.setTool(tool);
  }

  /**
   * Mark a set of points; the others are drawn grey.
   * @param {Int32Array|null} rows
   * @returns {void}
   */
  setRows(rows) {
    this.rows = rows && rows.length ? rows : null;
    if (!this.rows) {
      this.plot.setSelected(null);
      return;
    }
    const chosen = new Uint8Array(this.run.n);
    for (const row of this.rows) chosen[row] = 1;
    this.plot.setSelected(chosen);
  }

  /**
   * Draw something over the points, or take it away.
   * @param {string} layer name; what it held is replaced
   * @param {{points?: Mark[], path?: Array<number[]>, field?: Object, window?: Object}|null} content
   * @returns {void}
   */
  mark(layer, content) {
    if (content) this.layers.set(layer, content);
    else if (!this.layers.delete(layer)) return;
    this.drawLayers();
  }

  drawLayers() {
    const all = [...this.layers.values()];
    const only = (name) => all.find((one) => one[name])?.[name] ?? null;
    const points = all.flatMap((one) => one.points ?? []).map((point) => ({ ...point, colour: themeColour(this.element, point.colour) }));
    this.plot.setOverlay({ points, path: only("path") ?? [], field: only("field"), window: only("window") });
  }

  /**
   * A mark at a point of the run.
   * @param {number} row
   * @param {string} colour name of a custom property
   * @param {string} [label]
   * @returns {Mark}
   */
  markOf(row, colour, label = "") {
    return { x: this.data.x[row], y: this.data.y[row], colour, label, ring: true };
  }

  /**
   * Mark the point that was clicked.
   * @param {number|null} row
   * @returns {void}
   */
  setPicked(row) {
    this.picked = row;
    this.markPicked();
    if (this.heldAtPoint && this.axes) this.meaning.refresh();
  }

  markPicked() {
    this.mark("picked", this.picked === null || !this.data ? null : { points: [this.markOf(this.picked, "--zs-mark")] });
  }

  /**
   * Bring a point into the middle of the view.
   * @param {number} row
   * @returns {void}
   */
  centre(row) {
    this.plot.setView({ ...this.plot.view, cx: this.data.x[row], cy: this.data.y[row] });
  }

  /**
   * Central square of the view: what the statistics and the lineup are about.
   * @returns {{cx: number, cy: number, hx: number, hy: number}}
   */
  square() {
    const { cx, cy, ux, uy, width, height } = this.plot.view;
    const half = 0.45 * Math.min(width, height);
    return { cx, cy, hx: half * ux, hy: half * uy };
  }

  /** @param {number} change of what is being fetched for the plane */
  busy(change) {
    this.loading += change;
    this.element.classList.toggle("zs-loading", this.loading > 0);
    this.element.setAttribute("aria-busy", String(this.loading > 0));
  }

  /** The theme has changed. */
  retheme() {
    this.plot.retheme();
    this.drawLayers();
  }

  /** Take the pane off the page. */
  destroy() {
    this.plot.destroy();
    this.element.remove();
  }
}
