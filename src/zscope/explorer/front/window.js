// Statistics of the central square of a view, against Poisson points of the same smooth density.
import { Latest, inWords, make } from "./dom.js";

const NAMES = [
  ["empty", "Empty cells", "Share of cells without a point"],
  ["variance_ratio", "Variance / mean", "Of the counts of the cells"],
  ["clark_evans", "Clark–Evans", "Mean distance to the nearest neighbour, over that of Poisson points"],
  ["two_neighbours", "Two neighbours", "Share of the points with exactly two neighbours in the shortest tree through all: links of chains"],
];

/** The strip under a plane. */
export class WindowStatistics {
  /**
   * @param {Workspace} workspace
   * @param {Pane} pane
   */
  constructor(workspace, pane) {
    this.workspace = workspace;
    this.pane = pane;
    this.taking = new Latest((params) => this.take(params));
    this.cells = new Map(NAMES.map(([key, name, title]) => [key, this.cell(name, title)]));
    this.says = make("p", { class: "zs-window-says" });
    this.element = make("section", { class: "zs-window", "aria-label": "Statistics of the window" },
      make("div", { class: "zs-window-cells" }, ...[...this.cells.values()].map((cell) => cell.element)), this.says);
  }

  /** @param {string} name @param {string} title @returns {Object} */
  cell(name, title) {
    const value = make("b", { text: "–" });
    const against = make("small", {});
    const p = make("small", {});
    return { value, against, p, element: make("div", { title }, make("span", { text: name }), value, against, p) };
  }

  /** Take the statistics of what is in view now. */
  refresh() {
    const { pane } = this;
    if (!pane.axes || pane.plot.view.width < 2) return;
    const { cx, cy, hx, hy } = pane.square();
    pane.mark("window", { window: { cx, cy, hx, hy } });
    const params = { run: pane.run.id, plane: pane.axes, centre: [cx, cy], half: [hx, hy], stream: `window-${pane.number}` };
    if (pane.nulls.request) params.null = pane.nulls.request;
    const wanted = JSON.stringify(params);
    if (wanted === this.wanted) return;
    this.wanted = wanted;
    this.element.classList.add("zs-faded");
    this.taking.ask(params);
  }

  /** @param {Object} params of the call */
  async take(params) {
    const answer = await this.workspace.ask("window", params);
    if (JSON.stringify(params) !== this.wanted) return;
    this.element.classList.remove("zs-faded");
    if (answer) this.show(answer.data);
    else this.wanted = null;
  }

  /** @param {Object} data of the call */
  show({ statistics, says }) {
    for (const [key, cell] of this.cells) {
      const one = statistics?.[key];
      cell.value.textContent = one ? inWords(one.value) : "–";
      cell.against.textContent = one ? `Poisson ${rounded(one.null_mean, 3)} ± ${rounded(one.null_sd, 2)}` : "";
      cell.p.textContent = one ? `p ${inWords(one.p)}: ${one.differs ? "unlike Poisson" : "no difference seen"}` : "";
      cell.p.classList.toggle("zs-differs", Boolean(one?.differs));
    }
    this.says.textContent = says;
    this.says.title = says;
  }
}

/** @param {number} value @param {number} digits significant ones @returns {string} */
function rounded(value, digits) {
  return inWords(Number(value.toPrecision(digits)));
}
