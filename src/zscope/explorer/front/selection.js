// A set of points: its images, the shares of its labels, its file, and what sets it apart from the rest.
import { button, counted, field, imageCanvas, inWords, make, percent, select } from "./dom.js";

const THUMBNAIL_EDGE = 48;
const SHOWN_LABELS = 12;
const SHOWN_ROWS = 12;
const FORMATS = [["csv", "CSV"], ["parquet", "Parquet"], ["npy", ".npy"]];

/** The panel of the selected set. */
export class SelectionPanel {
  /**
   * @param {Workspace} workspace
   * @param {Pane} pane
   * @param {{pick: function(number): void, clear: function(): void}} acts what clicks in it do
   */
  constructor(workspace, pane, acts) {
    this.workspace = workspace;
    this.pane = pane;
    this.acts = acts;
    this.rows = null;
    this.asked = 0;
    const labels = pane.run.columns.filter(({ kind }) => kind === "category").map(({ name }) => ({ value: name, text: name }));
    this.hint = make("p", { class: "zs-empty", text: "Draw a lasso around points (s), or click a category of the legend." });
    this.title = make("h3", {});
    this.notes = make("p", { class: "zs-soft" });
    this.sheet = make("div", { class: "zs-sheet" });
    this.sheetNote = make("p", { class: "zs-soft" });
    this.label = select(labels, () => this.showShares());
    if (pane.run.label_column) this.label.value = pane.run.label_column;
    this.shares = make("div", { class: "zs-shares" });
    this.table = make("div", {});
    const files = make("div", { class: "zs-row" }, make("span", { class: "zs-soft", text: "Export" }),
      ...FORMATS.map(([format, text]) => button(text, () => this.save(format), { title: `Save the set as ${text}` })),
      button("Clear", () => acts.clear(), { title: "Select nothing" }));
    this.body = make("div", { hidden: true }, this.title, this.notes, files, make("h4", { text: "Images" }), this.sheet, this.sheetNote,
      labels.length ? make("div", { class: "zs-row zs-spread" }, make("h4", { text: "Labels" }), field("", this.label)) : null, this.shares,
      make("h4", { text: "Compared with the rest" }), button("Compare this set with the rest", () => this.compare()), this.table);
    this.element = make("div", {}, this.hint, this.body);
  }

  /**
   * Show a set.
   * @param {Int32Array|null} rows
   * @param {string} [note] how it came about
   * @returns {void}
   */
  show(rows, note = "") {
    this.asked += 1;
    this.rows = rows && rows.length ? rows : null;
    this.hint.hidden = this.rows !== null;
    this.body.hidden = this.rows === null;
    if (!this.rows) return;
    this.title.textContent = `${counted(this.rows.length, "point")}, ${percent(this.rows.length / this.pane.run.n)} of all`;
    this.notes.textContent = note;
    this.notes.hidden = !note;
    this.table.replaceChildren();
    this.showImages();
    this.showShares();
  }

  /** Thumbnails of the set's first points. @returns {Promise<void>} */
  async showImages() {
    const { rows, asked, pane } = this;
    this.sheet.replaceChildren();
    if (!pane.run.images) {
      this.sheetNote.textContent = "No images are known for this run's codes.";
      return;
    }
    const shown = Array.from(rows.subarray(0, this.workspace.limits.thumbnails));
    this.sheetNote.textContent = "Loading images …";
    const answer = await this.workspace.ask("thumbnails", { run: pane.run.id, rows: shown, edge: THUMBNAIL_EDGE });
    if (!answer || asked !== this.asked) return;
    this.sheetNote.textContent = shown.length < rows.length ? `The first ${inWords(shown.length)} of ${inWords(rows.length)}.` : "";
    this.sheet.replaceChildren(...shown.map((row, place) => {
      const item = button("", () => this.acts.pick(row), { title: `point ${inWords(row)}`, "aria-label": `point ${inWords(row)}` });
      item.append(imageCanvas(answer.buffers.images, place, ""));
      return item;
    }));
  }

  /** Shares of a label in the set beside those among all points. @returns {Promise<void>} */
  async showShares() {
    const { rows, asked, pane } = this;
    if (!this.label.value) return;
    const column = await this.workspace.column(pane.run.id, this.label.value);
    if (!column || asked !== this.asked) return;
    const counts = [new Uint32Array(column.names.length + 1), new Uint32Array(column.names.length + 1)];
    for (const row of rows) counts[0][column.values[row] + 1] += 1;
    for (const value of column.values) counts[1][value + 1] += 1;
    const lines = Array.from(counts[0], (count, place) => ({
      name: place ? column.names[place - 1] : "no value", set: count / rows.length, all: counts[1][place] / column.values.length,
    }));
    const present = lines.filter((line) => line.set > 0).sort((a, b) => b.set - a.set);
    const largest = present[0].set;
    this.shares.replaceChildren(...present.slice(0, SHOWN_LABELS).map((line) => shareLine(line, largest)),
      make("p", { class: "zs-soft", text: sharesNote(present.length) }));
  }

  /** @param {string} format */
  async save(format) {
    const answer = await this.workspace.ask("export", { run: this.pane.run.id, rows: Array.from(this.rows), format });
    if (!answer) return;
    const url = URL.createObjectURL(new Blob([answer.buffers.bytes.array], { type: answer.data.mime }));
    const link = make("a", { href: url, download: answer.data.filename });
    this.element.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
    this.workspace.say(`${counted(this.rows.length, "point")} saved as ${answer.data.filename}.`);
  }

  /** What sets the set apart. @returns {Promise<void>} */
  async compare() {
    const { asked } = this;
    this.table.replaceChildren(make("p", { class: "zs-soft", text: "Comparing …" }));
    const answer = await this.workspace.ask("compare", { run: this.pane.run.id, rows: Array.from(this.rows) });
    if (asked !== this.asked) return;
    this.table.replaceChildren(...(answer ? [comparison(answer.data)] : []));
  }
}

/** @param {number} count of categories in the set @returns {string} */
function sharesNote(count) {
  const more = count > SHOWN_LABELS ? `${inWords(count - SHOWN_LABELS)} more with smaller shares. ` : "";
  return `${more}Bar: share of the set; line: share of all points.`;
}

/** @param {{name: string, set: number, all: number}} line @param {number} largest @returns {HTMLElement} */
function shareLine({ name, set, all }, largest) {
  const bar = make("i", {});
  const mark = make("u", {});
  bar.style.width = `${100 * set / largest}%`;
  mark.style.left = `${100 * Math.min(all / largest, 1)}%`;
  return make("div", { title: `${name}: ${percent(set)} of the set, ${percent(all)} of all points` },
    make("span", { text: name }), make("div", { "aria-hidden": "true" }, bar, mark), make("small", { text: `${percent(set)} · ${percent(all)}` }));
}

/** @param {Object} data of the call `compare` @returns {HTMLElement} */
function comparison({ rows, says }) {
  const parts = ["number", "share"].map((kind) => rows.filter((row) => row.kind === kind)).filter((some) => some.length);
  return make("div", {}, ...parts.map(comparisonTable), make("p", { class: "zs-soft", text: says }));
}

/** @param {Array<Object>} rows of one kind, the largest difference first @returns {HTMLElement} */
function comparisonTable(rows) {
  const shares = rows[0].kind === "share";
  const heads = [shares ? "label" : "mean of", "set", "rest", shares ? "difference" : "in sd"];
  const shown = (value) => value === null || value === undefined ? "–" : shares ? percent(value) : inWords(value);
  const signed = (value) => `${value > 0 ? "+" : ""}${shares ? percent(value) : value.toFixed(2)}`.replace("-", "−");
  const lineOf = (row) => make("tr", { title: row.says }, make("th", { scope: "row", text: row.column }),
    ...[shown(row.set), shown(row.rest), row.difference === null ? "–" : signed(row.difference)]
      .map((text) => make("td", { class: "zs-number", text })));
  const body = make("tbody", {}, ...rows.slice(0, SHOWN_ROWS).map(lineOf));
  const head = make("thead", {}, make("tr", {}, ...heads.map((text) => make("th", { scope: "col", text }))));
  const table = make("table", { class: "zs-table" }, head, body);
  if (rows.length <= SHOWN_ROWS) return table;
  const more = button(`Show all ${inWords(rows.length)}`, () => {
    body.replaceChildren(...rows.map(lineOf));
    more.remove();
  });
  return make("div", {}, table, more);
}
