// Where in a plane the decoder makes meaningful images: the judge's share as colour behind the points.
import { Latest, button, make } from "./dom.js";

const FIELD_SIDE = 16;

/** Shows the share of meaningful codes behind a pane's points. */
export class MeaningField {
  /**
   * @param {Workspace} workspace
   * @param {Pane} pane
   */
  constructor(workspace, pane) {
    this.workspace = workspace;
    this.pane = pane;
    this.shown = false;
    this.taking = new Latest((params) => this.take(params));
    this.possible = pane.run.decoder && pane.run.judge;
    this.toggle = button("Meaningful", () => this.set(!this.shown),
      { "aria-pressed": "false", title: "Share of meaningful codes behind the points, from the run's judge" });
    this.element = make("div", { class: "zs-joined", hidden: !this.possible }, this.toggle);
    this.says = make("p", {});
    this.legend = make("div", { class: "zs-meaning", hidden: true, role: "note" },
      make("b", { text: "Share of meaningful codes" }), make("div", { class: "zs-ramp", "aria-hidden": "true" }),
      make("div", { class: "zs-row zs-spread" }, ...["0", "½", "1"].map((text) => make("span", { text }))), this.says);
  }

  /**
   * Show or hide it.
   * @param {boolean} shown
   * @returns {void}
   */
  set(shown) {
    this.shown = shown;
    this.toggle.setAttribute("aria-pressed", String(shown));
    this.legend.hidden = !shown;
    if (shown) this.refresh();
    else this.pane.mark("meaning", null);
  }

  /** The pane shows another plane: an empty place of a map or of measures is no code. */
  planeChanged() {
    const { invertible } = this.pane;
    this.toggle.disabled = !invertible;
    this.element.title = invertible ? "" : "An empty place of this plane is no code: choose axes or components.";
    this.pane.mark("meaning", null);
    if (this.shown) this.set(invertible);
  }

  /** Take it anew for what is in view. */
  refresh() {
    const { pane, workspace } = this;
    if (!this.shown) return;
    const window = pane.plot.window();
    const side = Math.min(FIELD_SIDE, workspace.limits.side);
    this.says.textContent = "Decoding and judging …";
    this.taking.ask({ run: pane.run.id, base: pane.base, plane: pane.axes, window, side, stream: `meaning-${pane.number}` });
  }

  /** @param {Object} params of the call */
  async take(params) {
    const { pane } = this;
    const answer = await this.workspace.ask("meaning", params);
    // A base at the mean has no row.
    if (!this.shown || params.plane !== pane.axes || params.base.row !== pane.base.row) return;
    this.says.textContent = answer ? answer.data.says : "It could not be taken.";
    this.says.title = this.says.textContent;
    if (answer) pane.mark("meaning", { field: { window: params.window, side: answer.data.side, values: answer.buffers.share.array } });
  }
}
