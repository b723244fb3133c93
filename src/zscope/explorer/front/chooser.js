// The choice of a plane and of what colours it: suggested planes, any two columns by name, colours by label or number.
import { columnFault, isLatent } from "./workspace.js";
import { field, fillSelect, make, select } from "./dom.js";

const NAMED_AXES = 512;
const COLOURED_COMPONENTS = 8;

/** Which two columns are shown. */
export class PlaneChooser {
  /**
   * @param {Object} run data of the session
   * @param {function({x: string, y: string}): void} choose called with columns that exist
   * @param {function(string): void} refuse called with one line where a name is not a column
   */
  constructor(run, choose, refuse) {
    this.run = run;
    this.choose = choose;
    this.refuse = refuse;
    this.suggested = suggestedPlanes(run);
    this.names = make("datalist", { id: `zs-names-${Math.random().toString(36).slice(2)}` });
    this.names.append(...columnNames(run).map((name) => make("option", { value: name })));
    this.planes = select([], (value) => value && this.choose(this.suggested[Number(value)]),
      { class: "zs-planes", title: "Suggested planes ([ and ] step through them)" });
    this.x = this.nameInput("Horizontal axis");
    this.y = this.nameInput("Vertical axis");
    this.element = make("div", { class: "zs-chooser", role: "group", "aria-label": "Plane" },
      field("Plane", this.planes), field("x", this.x, "zs-axis"), field("y", this.y, "zs-axis"), this.names);
  }

  /** @param {string} label @returns {HTMLInputElement} */
  nameInput(label) {
    const input = make("input", {
      type: "text", list: this.names.id, "aria-label": label, spellcheck: "false", autocomplete: "off",
      onchange: () => this.take(),
      // A list that is open on a full field shows one entry only: the text is marked so that typing replaces it.
      onfocus: () => input.select(),
    });
    return input;
  }

  /** Read both names; the one that is no column is put back. */
  take() {
    for (const [side, input] of [["x", this.x], ["y", this.y]]) {
      const fault = columnFault(this.run, input.value.trim());
      if (!fault) continue;
      input.value = this.shown[side];
      this.refuse(fault);
      return;
    }
    this.choose({ x: this.x.value.trim(), y: this.y.value.trim() });
  }

  /**
   * Show what is chosen.
   * @param {{x: string, y: string}} plane
   * @returns {void}
   */
  set(plane) {
    this.shown = plane;
    for (const [side, input] of [["x", this.x], ["y", this.y]]) {
      input.value = plane[side];
      input.title = `${plane[side]}: any of axis0 …, pc1 …, or a column of numbers`;
    }
    const index = this.suggested.findIndex((one) => one.x === plane.x && one.y === plane.y);
    const choices = this.suggested.map((one, place) => ({ value: String(place), text: one.title, group: one.group }));
    fillSelect(this.planes, index < 0 ? [{ value: "", text: `${plane.x} × ${plane.y}` }, ...choices] : choices);
    this.planes.value = index < 0 ? "" : String(index);
  }

  /**
   * The suggested plane before or after the one that is shown.
   * @param {number} step −1 or 1
   * @returns {void}
   */
  step(step) {
    const index = this.suggested.findIndex((one) => one.x === this.shown.x && one.y === this.shown.y);
    const count = this.suggested.length;
    this.choose(this.suggested[(index + step + count) % count]);
  }
}

/** @param {Object} run @returns {Array<{x: string, y: string, title: string, group: string}>} */
function suggestedPlanes(run) {
  const planes = run.planes.map(({ x, y, title }) => ({ x, y, title, group: isLatent(x) && isLatent(y) ? "Planes of codes" : "Measures" }));
  const maps = run.maps.map(({ x, y, title }) => ({ x, y, title, group: "Maps" }));
  const all = [...planes, ...maps];
  return all.filter((one, place) => all.findIndex((other) => other.x === one.x && other.y === one.y) === place);
}

/** @param {Object} run @returns {string[]} */
function columnNames(run) {
  const names = run.columns.filter((column) => column.kind === "number").map((column) => column.name);
  for (let number = 1; number <= run.components; number += 1) names.push(`pc${number}`);
  // Any axis can be typed; the list that opens names the first of them so that it stays usable.
  for (let number = 0; number < Math.min(run.axes, NAMED_AXES); number += 1) names.push(`axis${number}`);
  return [...new Set(names)];
}

/**
 * A select of what colours the points.
 * @param {Object} run
 * @param {function(string): void} choose called with a column's name, empty for none
 * @returns {HTMLSelectElement}
 */
export function colourSelect(run, choose) {
  const choices = [{ value: "", text: "none" }];
  const add = (kind, group) => run.columns.filter((column) => column.kind === kind)
    .forEach(({ name }) => choices.push({ value: name, text: name, group }));
  add("category", "Labels");
  add("number", "Numbers");
  for (let number = 1; number <= Math.min(run.components, COLOURED_COMPONENTS); number += 1) {
    const value = `pc${number}`;
    if (!choices.some((choice) => choice.value === value)) choices.push({ value, text: value, group: "Components" });
  }
  return select(choices, choose, { title: "What colours the points" });
}
