// What is known of the point that was clicked: image, reconstruction, labels, numbers, neighbours and its code.
import { pointName } from "./workspace.js";
import { CodeChart } from "./codes.js";
import { Latest, button, factItems, figure, imageCanvas, inWords, make } from "./dom.js";

const NEIGHBOURS = 12;

/** Shows one point of a run. */
export class PointView {
  /**
   * @param {Workspace} workspace
   * @param {Pane} pane
   * @param {{pick: function(number): void, end: function(string, number): void}} acts what clicks in it do
   */
  constructor(workspace, pane, acts) {
    this.workspace = workspace;
    this.pane = pane;
    this.acts = acts;
    this.fetching = new Latest((row) => this.fetch(row));
    this.title = make("h3", {});
    this.facts = make("dl", { class: "zs-facts" });
    this.images = make("div", { class: "zs-images" });
    this.partner = make("p", { class: "zs-soft", hidden: true });
    this.says = make("p", { class: "zs-soft" });
    this.neighbours = make("div", { class: "zs-sheet zs-neighbours" });
    this.nearest = make("div", {}, make("h4", { text: "Nearest neighbours" }), this.neighbours);
    this.chart = new CodeChart();
    this.buttons = make("div", { class: "zs-row" },
      button("From here", () => acts.end("start", this.row), { title: "Start of a path" }),
      button("To here", () => acts.end("end", this.row), { title: "End of a path" }),
      button("Centre", () => pane.centre(this.row), { title: "Bring it into the middle of the view" }));
    this.element = make("section", { hidden: true }, this.title, this.images, this.buttons, this.partner, this.facts, this.says,
      this.nearest, make("h4", { text: "Code" }), this.chart.element);
  }

  /**
   * Show a point.
   * @param {number} row
   * @returns {Promise<void>}
   */
  show(row) {
    this.row = row;
    return this.fetching.ask(row);
  }

  /** @param {number} row */
  async fetch(row) {
    const answer = await this.workspace.ask("point", { run: this.pane.run.id, row, neighbours: NEIGHBOURS });
    if (!answer) return;
    const { data, buffers } = answer;
    this.element.hidden = false;
    this.title.textContent = pointName(row, data.id);
    this.shown = buffers;
    this.showImages();
    this.showFacts(data);
    this.says.textContent = [data.says].flat().join(" ");
    this.showNeighbours(data.neighbours, buffers.neighbour_images);
    this.chart.show(buffers.code.array);
    const labels = Object.entries(data.labels).filter(([, value]) => value !== null).map(([name, value]) => `${name} ${value}`);
    this.workspace.say(`Point ${inWords(row)}: ${labels.join(", ") || data.split}`);
  }

  /** The image, what this run makes of it, and what the run beside does. */
  showImages() {
    const { image, reconstruction } = this.shown;
    const all = [[image, "image"], [reconstruction, "reconstruction"], [this.other?.image, this.other?.caption]];
    this.images.replaceChildren(...all.filter(([picture]) => picture)
      .map(([picture, caption]) => figure(imageCanvas(picture, 0, `${caption} of point ${this.row}`), caption)));
  }

  /** @param {Object} data of the call */
  showFacts({ split, labels, numbers }) {
    const texts = [["split", split], ...Object.entries(labels)].map(([name, value]) => [name, value === null ? "–" : String(value)]);
    const all = [...texts, ...Object.entries(numbers).map(([name, value]) => [name, inWords(value)])];
    this.facts.replaceChildren(...factItems(all));
  }

  /** @param {Array<{row: number, id: string, distance: number, labels: Object}>} neighbours @param {Object} [images] */
  showNeighbours(neighbours, images) {
    this.nearest.hidden = neighbours.length === 0;
    this.neighbours.classList.toggle("zs-names", !images);
    this.neighbours.replaceChildren(...neighbours.map((one, place) => {
      const labels = Object.values(one.labels).filter((value) => value !== null).join(", ");
      const name = `${pointName(one.row, one.id)}${labels ? ` · ${labels}` : ""} · distance ${inWords(one.distance)}`;
      const item = button("", () => this.acts.pick(one.row), { title: name, "aria-label": name });
      const picture = images ? imageCanvas(images, place, name) : make("span", { text: String(one.row) });
      item.append(picture, make("small", { text: inWords(one.distance) }));
      return item;
    }));
  }

  /**
   * Say which point of the run beside belongs to the same image.
   * @param {string} text empty where there is no run beside
   * @param {{image: Object, caption: string}|null} [other] what that run makes of the image
   * @returns {void}
   */
  setPartner(text, other = null) {
    this.partner.hidden = !text;
    this.partner.textContent = text;
    this.other = other;
    if (this.shown) this.showImages();
  }
}
