// The planes in a report: points that can be zoomed into offline, and their null. Nothing behind them can be asked for.
import { EmbeddedTransport } from "./transport.js";
import { Plane } from "./plane.js";
import { field, make, segments, select } from "./dom.js";
import { isLatent, unitOf } from "./workspace.js";

/** One run's planes with a choice of plane, colour, mode and null. */
class EmbeddedPlanes {
  /**
   * @param {HTMLElement} element
   * @param {EmbeddedTransport} transport
   * @param {Object} session
   */
  constructor(element, transport, session) {
    this.transport = transport;
    [this.run] = session.runs;
    this.planes = [...this.run.planes, ...this.run.maps];
    const stage = make("div", { class: "zs-stage" });
    this.nulls = make("button", { type: "button", "aria-pressed": "false", text: "Null", title: "The null cloud in the same view (n)" });
    this.nulls.addEventListener("click", () => this.show(!this.shown));
    const modes = [{ value: "density", text: "Density" }, { value: "points", text: "Points" }];
    this.modes = segments("Drawn as", modes, "density", (mode) => this.setMode(mode));
    const planes = select(this.planes.map(({ title }, place) => ({ value: String(place), text: title })), (place) => this.setPlane(this.planes[place]));
    const colours = [{ value: "", text: "nothing" }, ...this.run.columns.map(({ name }) => ({ value: name, text: name }))];
    this.colours = select(colours, (name) => this.setColour(name));
    const bar = make("div", { class: "zs-bar", role: "toolbar" }, field("Plane", planes), field("Colour", this.colours), this.modes.element, this.nulls);
    element.append(make("div", { class: "zs-explorer zs-embedded" }, bar, make("div", { class: "zs-plot" }, stage)));
    this.plot = new Plane(stage, { label: `Planes of ${this.run.label}` });
    this.plot.addEventListener("flip", ({ detail }) => this.flipped(detail.shown ?? !this.shown));
    // A report has no panel for a set of points: a lasso goes as it comes.
    this.plot.addEventListener("lasso", () => this.plot.setSelected(null));
    this.plot.addEventListener("mode", ({ detail }) => this.setMode(detail.mode));
  }

  /** @param {{x: string, y: string}} plane */
  async setPlane({ x, y }) {
    const [across, up] = await Promise.all([x, y].map((name) => this.values(name)));
    const unit = unitOf(this.run, x);
    this.plot.setData({ x: across, y: up, names: { x, y }, equal: unit === unitOf(this.run, y), unit: isLatent(x) ? "latent units" : "units of the map" });
    const null_ = await this.nullOf(x, y);
    this.nulls.disabled = null_ === null;
    this.nulls.title = null_ === null ? "The report holds no null of this plane" : "The null cloud in the same view (n)";
    this.plot.setNull(null_);
    this.flipped(false);
  }

  /** @param {string} name @returns {Promise<TypedArray>} */
  async values(name) {
    return (await this.transport.call("column", { run: this.run.id, name })).buffers.values.array;
  }

  async nullOf(x, y) {
    const { buffers } = this.transport;
    if (!(`null:${x}` in buffers && `null:${y}` in buffers)) return null;
    const answer = await this.transport.call("null", { names: [x, y] });
    return { x: answer.buffers[x].array, y: answer.buffers[y].array, says: answer.data.says };
  }

  /** @param {string} name of a column; empty for none */
  async setColour(name) {
    this.colours.value = name;
    const column = this.run.columns.find((one) => one.name === name);
    if (!column) this.plot.setColours({ kind: "none" });
    else this.plot.setColours({ kind: column.kind, values: await this.values(name), names: column.values ?? [], label: name });
  }

  /** @param {string} mode */
  setMode(mode) {
    this.modes.set(mode);
    this.plot.setMode(mode);
  }

  /** @param {boolean} shown */
  show(shown) {
    this.plot.showNull(shown);
    this.flipped(shown);
  }

  flipped(shown) {
    this.shown = shown;
    this.nulls.setAttribute("aria-pressed", String(shown));
  }
}

/**
 * Draw the planes that a report holds.
 * @param {HTMLElement} element
 * @param {EmbeddedTransport} transport
 * @returns {Promise<void>}
 */
export async function mountPlanes(element, transport) {
  const { data } = await transport.call("session");
  const planes = new EmbeddedPlanes(element, transport, data);
  await planes.setPlane(planes.planes[0]);
  await planes.setColour(planes.run.label_column ?? "");
}
