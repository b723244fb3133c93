// The null of a plane: which cloud, flipping to it, and the way into the lineup.
import { isLatent } from "./workspace.js";
import { button, make, select } from "./dom.js";
import { openLineup } from "./lineup.js";

/** Flips a pane to a null cloud and back. */
export class NullSwitch {
  /**
   * @param {Workspace} workspace
   * @param {Pane} pane
   */
  constructor(workspace, pane) {
    this.workspace = workspace;
    this.pane = pane;
    this.cloud = pane.run.nulls.includes("covariance") ? "covariance" : pane.run.nulls[0];
    this.draw = 0;
    this.clouds = select(pane.run.nulls.map((name) => ({ value: name, text: name })), (name) => this.change(name, 0),
      { "aria-label": "Null cloud", title: "Cloud that is held against the codes" });
    this.clouds.value = this.cloud;
    this.flipButton = button("Null", () => this.flip(), { title: "Flip to the null cloud and back (n)", "aria-pressed": "false" });
    this.again = button("↻", () => this.change(this.cloud, this.draw + 1),
      { title: "Another draw of the null", "aria-label": "Another draw of the null", class: "zs-square" });
    this.lineupButton = button("Lineup", () => this.lineup(), { title: "Guess the codes among 19 draws of the null (l)" });
    this.element = make("div", { class: "zs-joined", hidden: !pane.run.nulls.length, role: "group", "aria-label": "Null" },
      this.flipButton, this.clouds, this.again, this.lineupButton);
  }

  /** Whether the null is shown in place of the codes. @returns {boolean} */
  get shown() {
    return this.pane.plot.nullShown;
  }

  /** The map that the plane shows. @returns {{x: string, y: string, null: boolean}|undefined} */
  get map() {
    const { axes, run } = this.pane;
    return run.maps.find((one) => one.x === axes.x && one.y === axes.y);
  }

  /** The null that can be flipped to: of a map only one is stored. @returns {{cloud: string, draw: number}} */
  get chosen() {
    return this.map ? { cloud: "covariance", draw: 0 } : { cloud: this.cloud, draw: this.draw };
  }

  /** The null that is shown, as the calls take it; null while the codes are. @returns {{cloud: string, draw: number}|null} */
  get request() {
    return this.shown ? this.chosen : null;
  }

  /** Why this plane has no null, or an empty text. @returns {string} */
  get fault() {
    const { map, pane: { axes, run } } = this;
    if (!run.nulls.length) return "This run has no null cloud.";
    if (map) return map.null ? "" : "No null of this map is stored: measure the run with --maps.";
    const without = [axes.x, axes.y].find((name) => !isLatent(name) && name !== "radius");
    return without ? `“${without}” is not known for codes of a null: choose axes, components or the radius.` : "";
  }

  /** Forget the null of the plane before. */
  clear() {
    this.pane.plot.setNull(null);
    this.flipButton.setAttribute("aria-pressed", "false");
    const { fault } = this;
    this.flipButton.disabled = fault !== "";
    this.clouds.disabled = this.again.disabled = this.lineupButton.disabled = fault !== "" || this.map !== undefined;
    this.clouds.value = this.chosen.cloud;
    this.element.title = fault || (this.map ? "Of a map one null is stored: of one draw of the covariance cloud." : "");
  }

  /**
   * Another cloud or draw; it is shown at once if a null is shown.
   * @param {string} cloud
   * @param {number} draw
   * @returns {void}
   */
  change(cloud, draw) {
    this.cloud = cloud;
    this.draw = draw;
    const { shown } = this;
    this.pane.plot.setNull(null);
    this.flipped();
    if (shown) this.flip();
  }

  /** Show the null, or the codes again. @returns {Promise<void>} */
  async flip() {
    const { plot, axes, run } = this.pane;
    if (this.fault) {
      this.workspace.tell("error", { message: this.fault });
      return;
    }
    if (!plot.hasNull && !(await this.fetch(axes, run))) return;
    plot.showNull(!plot.nullShown);
    this.flipped();
  }

  /** @param {{x: string, y: string}} axes @param {Object} run @returns {Promise<boolean>} whether the null is there */
  async fetch(axes, run) {
    const { cloud, draw } = this.chosen;
    const names = axes.x === axes.y ? [axes.x] : [axes.x, axes.y];
    this.pane.busy(1);
    const answer = await this.workspace.ask("null", { run: run.id, cloud, draw, names });
    this.pane.busy(-1);
    if (!answer || this.pane.axes !== axes || this.chosen.cloud !== cloud || this.chosen.draw !== draw) return false;
    this.pane.plot.setNull({ x: answer.buffers[axes.x].array, y: answer.buffers[axes.y].array, says: answer.data.says });
    return true;
  }

  /** The plane has flipped. */
  flipped() {
    this.flipButton.setAttribute("aria-pressed", String(this.shown));
    this.pane.statistics.refresh();
  }

  /** Open the lineup of what is in view. */
  lineup() {
    if (this.lineupButton.disabled) this.workspace.tell("error", { message: this.fault || "A lineup needs many nulls, and of a map only one is stored." });
    else openLineup(this.workspace, this.pane, this.cloud);
  }
}
