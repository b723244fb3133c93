// Samplers: new codes drawn by a cloud, ringed in the plane, with what they decode to.
import { button, field, imageCanvas, make, select } from "./dom.js";

const COUNT = 64;
const SLOW_NOTE = "flow and second-stage are fitted by zscope sample RUN --ladder and offered where it kept them.";

/** The panel of samplers. */
export class DrawsPanel {
  /**
   * @param {Workspace} workspace
   * @param {Pane} pane
   */
  constructor(workspace, pane) {
    this.workspace = workspace;
    this.pane = pane;
    this.drawn = false;
    this.asked = 0;
    const { run } = pane;
    const choices = run.samplers.map(({ name }) => ({ value: name, text: name === run.recommended ? `${name} ★ recommended` : name }));
    this.sampler = select(choices, () => this.describe());
    this.sampler.value = run.recommended ?? run.samplers[0]?.name ?? "";
    this.keeps = make("p", { class: "zs-soft" });
    const most = workspace.limits.draws;
    this.n = make("input", { type: "number", min: "1", max: String(most), value: String(Math.min(COUNT, most)) });
    this.seed = make("input", { type: "number", min: "0", value: "0" });
    this.says = make("p", { class: "zs-soft" });
    this.sheet = make("div", { class: "zs-sheet zs-big" });
    this.clearButton = button("Clear", () => this.clear(), { hidden: true });
    const controls = make("form", { class: "zs-row", onsubmit: (event) => {
      event.preventDefault();
      this.draw();
    } }, field("Codes", this.n, "zs-short"), field("Seed", this.seed, "zs-short"),
    make("button", { type: "submit", class: "zs-primary", text: "Draw" }), button("Next seed", () => {
      this.seed.value = String(Number(this.seed.value) + 1);
      this.draw();
    }), this.clearButton);
    this.element = run.samplers.length
      ? make("div", {}, field("Sampler", this.sampler, "zs-full"), this.keeps, controls, make("p", { class: "zs-soft", text: SLOW_NOTE }), this.says, this.sheet)
      : make("p", { class: "zs-empty", text: "No sampler was fitted to this run's codes." });
    this.describe();
  }

  describe() {
    const { run } = this.pane;
    const chosen = run.samplers.find(({ name }) => name === this.sampler.value);
    const best = chosen && chosen.name === run.recommended ? " The run's judge recommends it." : "";
    this.keeps.textContent = chosen ? `Keeps of the codes: ${chosen.keeps}.${best}` : "";
  }

  /** Draw codes and show them. @returns {Promise<void>} */
  async draw() {
    const { pane } = this;
    const n = Math.min(this.workspace.limits.draws, Math.max(1, Math.round(Number(this.n.value)) || COUNT));
    const seed = Math.max(0, Math.round(Number(this.seed.value)) || 0);
    this.n.value = String(n);
    this.seed.value = String(seed);
    this.says.textContent = "Drawing …";
    this.asked += 1;
    const { asked } = this;
    const { axes } = pane;
    const answer = await this.workspace.ask("draw", { run: pane.run.id, sampler: this.sampler.value, n, seed, plane: axes });
    if (asked !== this.asked) return;
    if (!answer) {
      this.says.textContent = "Nothing was drawn.";
      return;
    }
    this.drawn = true;
    this.clearButton.hidden = false;
    const { data, buffers } = answer;
    const unplaced = data.placed ? "" : ` The plane ${axes.x} × ${axes.y} has no coordinates for new codes: they are not shown there.`;
    this.says.textContent = `${data.says}${unplaced}`;
    if (axes === pane.axes) this.mark(data.placed ? buffers : null);
    this.showImages(buffers.images);
  }

  /** @param {Object|null} buffers */
  mark(buffers) {
    const points = Array.from(buffers?.x.array ?? [], (x, place) => ({ x, y: buffers.y.array[place], colour: "--zs-draw", label: "", ring: true }));
    this.pane.mark("draws", buffers ? { points } : null);
  }

  /** @param {Object|undefined} images none without a decoder */
  showImages(images) {
    const count = images ? images.shape[0] : 0;
    this.sheet.replaceChildren(...Array.from({ length: count }, (_, place) => imageCanvas(images, place, `Draw ${place + 1}`)));
  }

  /** The pane shows another plane. */
  planeChanged() {
    if (this.drawn) this.draw();
  }

  clear() {
    this.drawn = false;
    this.clearButton.hidden = true;
    this.says.textContent = "";
    this.sheet.replaceChildren();
    this.pane.mark("draws", null);
  }
}
