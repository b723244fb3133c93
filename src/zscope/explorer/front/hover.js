// The card beside the pointer: image and label of the point under it.
import { Latest, imageCanvas, make } from "./dom.js";

const KEPT = 400;
const HOVER_EDGE = 64;
const GAP = 14;

/** Image and label of the point under the pointer. */
export class HoverCard {
  /**
   * @param {Workspace} workspace
   * @param {Pane} pane
   */
  constructor(workspace, pane) {
    this.workspace = workspace;
    this.pane = pane;
    this.kept = new Map();
    this.row = -1;
    this.picture = make("div", {});
    this.words = make("div", {});
    this.element = make("div", { class: "zs-hover", hidden: true, "aria-hidden": "true" }, this.picture, this.words);
    this.fetching = new Latest((row) => this.fetch(row));
  }

  /**
   * The pointer is over a point.
   * @param {number} row −1: over none
   * @param {number} [px] CSS pixels of the plot
   * @param {number} [py]
   * @returns {void}
   */
  over(row, px = 0, py = 0) {
    this.row = row;
    this.element.hidden = row < 0;
    if (row < 0) {
      this.fetching.cancel();
      return;
    }
    this.words.textContent = this.wordsOf(row);
    this.picture.replaceChildren(...(this.kept.has(row) ? [this.kept.get(row)] : []));
    this.put(px, py);
    if (this.pane.run.images && !this.kept.has(row)) this.fetching.ask(row);
  }

  /** @param {number} row @returns {string} */
  wordsOf(row) {
    const { colour, coloured } = this.pane;
    if (!colour || !coloured) return `point ${row}`;
    const value = coloured.values[row];
    const text = coloured.kind === "category" ? coloured.names[value] ?? "missing" : String(Number(value.toPrecision(4)));
    return `point ${row} · ${colour} ${text}`;
  }

  /** Beside the pointer, inside the plot. @param {number} px @param {number} py */
  put(px, py) {
    const { plot } = this.pane;
    const { width, height } = plot.view;
    const { offsetWidth, offsetHeight } = this.element;
    const left = px + GAP + offsetWidth > width ? px - GAP - offsetWidth : px + GAP;
    const top = Math.min(py + GAP, height - offsetHeight - GAP);
    this.element.style.transform = `translate(${plot.origin[0] + Math.max(0, left)}px, ${plot.origin[1] + Math.max(0, top)}px)`;
  }

  /** @param {number} row */
  async fetch(row) {
    const answer = await this.workspace.ask("thumbnails", { run: this.pane.run.id, rows: [row], edge: HOVER_EDGE });
    if (!answer) return;
    if (this.kept.size >= KEPT) this.kept.delete(this.kept.keys().next().value);
    this.kept.set(row, imageCanvas(answer.buffers.images, 0, ""));
    if (this.row === row) this.picture.replaceChildren(this.kept.get(row));
  }
}
