/**
 * The legend of a plane: categories to click, the ramp of a number, or the counts of the density.
 */
import { cssColour } from "./colours.js";
import { numberText } from "./view.js";

/** Width of a plot in CSS pixels from which the legend starts open. */
const WIDE = 460;

/** The legend, folded by its title. */
export class Legend {
  #touched = false;
  #choose;
  #body;
  #title;
  #shown = "";
  #counts = [];
  #top = null;
  #note = null;

  /**
   * @param {HTMLElement} parent
   * @param {(index: number, on: boolean) => void} choose a category was clicked; −1: the rows without a value
   */
  constructor(parent, choose) {
    this.#choose = choose;
    this.element = document.createElement("details");
    this.element.className = "plane-legend";
    this.element.open = true;
    this.#title = append(this.element, "summary", "");
    this.#title.addEventListener("click", () => {
      this.#touched = true;
    });
    this.#body = append(this.element, "div", "plane-legend-body");
    parent.append(this.element);
  }

  /**
   * Folds it where it would cover much of a plot, until the person opens it.
   * @param {number} width of the plot, CSS pixels
   */
  fit(width) {
    if (!this.#touched) this.element.open = width >= WIDE;
  }

  /**
   * Shows what the colours mean.
   * @param {object} scene {colours (of prepareColours), slotTable, countTable, greyTable, mode, peak, top, radius, nullShown, selectedCounts: Int32Array | null (selected points by slot), theme}
   */
  update(scene) {
    const { colours, mode, nullShown, selectedCounts, theme } = scene;
    const kind = nullShown ? "none" : colours.kind;
    this.element.hidden = kind === "none" && mode === "points" && !selectedCounts;
    const form = [kind, mode, nullShown, theme, selectedCounts !== null && !nullShown];
    // The parts are built anew only when the form changes; a frame changes no more than the largest count.
    if (this.#shown.form !== form.join() || this.#shown.colours !== colours) {
      this.#shown = { form: form.join(), colours };
      this.#body.replaceChildren();
      this.#top = null;
      this.#counts = [];
      this.#build(kind, scene);
    }
    this.#countSelected(nullShown ? null : selectedCounts);
    if (this.#top) setText(this.#top, scene.top < scene.peak ? `≥ ${numberText(scene.top, 3)}` : numberText(scene.peak, 3));
    if (mode === "density") setText(this.#note, densityNote(kind, scene));
  }

  #build(kind, scene) {
    const { colours, mode, nullShown, selectedCounts } = scene;
    setText(this.#title, nullShown ? "Null cloud" : kind === "none" ? "Codes" : colours.label || "Colours");
    if (kind === "category") this.#buildCategories(scene);
    if (kind === "number") this.#buildNumbers(scene);
    if (kind === "none" && mode === "density") {
      this.#ramp(scene.countTable, 0, 255);
      const ends = append(this.#body, "div", "plane-legend-ends");
      append(ends, "span", "").textContent = "1";
      this.#top = append(ends, "span", "");
    }
    if (kind !== "category" && colours.missing > 0 && !nullShown) {
      this.#row(scene.slotTable[0], "no value", colours.missing, null);
    }
    if (selectedCounts && !nullShown) this.#row(scene.greyTable[90], "not selected", null, null);
    this.#note = append(this.#body, "p", "plane-legend-note");
  }

  #buildCategories({ colours, slotTable }) {
    for (const { index, name, slot, count } of colours.entries) {
      const text = index === null ? `other (${numberText(colours.others, 3)} more)` : name;
      this.#counts.push({ slot, count, row: this.#row(slotTable[slot], text, count, index) });
    }
    if (colours.missing > 0) this.#counts.push({ slot: 0, count: colours.missing, row: this.#row(slotTable[0], "no value", colours.missing, -1) });
  }

  #buildNumbers({ colours, slotTable }) {
    const { low, high, cutLow, cutHigh } = colours.range;
    this.#ramp(slotTable, 1, 255);
    const ends = append(this.#body, "div", "plane-legend-ends");
    append(ends, "span", "").textContent = `${cutLow ? "≤ " : ""}${numberText(low, 3)}`;
    append(ends, "span", "").textContent = `${cutHigh ? "≥ " : ""}${numberText(high, 3)}`;
    if (cutLow || cutHigh) append(this.#body, "p", "plane-legend-note").textContent = "the ramp spans the middle 99 %";
  }

  /** One line; a category's is a button. */
  #row(packed, text, count, index) {
    const row = append(this.#body, index === null ? "div" : "button", "plane-legend-row");
    append(row, "i", "").style.background = cssColour(packed);
    const name = append(row, "span", "plane-legend-name");
    name.textContent = text;
    name.title = text;
    append(row, "span", "plane-legend-count").textContent = count === null ? "" : numberText(count, 3);
    if (index !== null) {
      row.type = "button";
      row.setAttribute("aria-pressed", "false");
      row.addEventListener("click", () => this.#choose(index, row.getAttribute("aria-pressed") !== "true"));
    }
    return row;
  }

  /** A category is pressed where all of its rows are selected; with a selection, its count says how many of them. */
  #countSelected(selectedCounts) {
    for (const { slot, count, row } of this.#counts) {
      const chosen = selectedCounts ? selectedCounts[slot] : null;
      if (row.type === "button") row.setAttribute("aria-pressed", String(chosen !== null && chosen === count && count > 0));
      const text = chosen === null || chosen === count ? numberText(count, 3) : `${numberText(chosen, 3)} / ${numberText(count, 3)}`;
      setText(row.lastElementChild, chosen === 0 ? "0" : text);
    }
  }

  #ramp(table, first, last) {
    const canvas = append(this.#body, "canvas", "plane-legend-ramp");
    canvas.width = last - first + 1;
    canvas.height = 1;
    canvas.setAttribute("aria-hidden", "true");
    const context = canvas.getContext("2d");
    const image = context.createImageData(canvas.width, 1);
    new Uint32Array(image.data.buffer).set(table.subarray(first, last + 1));
    context.putImageData(image, 0, 0);
  }
}

/** How a density reads: what was counted where, and how colours mix. */
function densityNote(kind, { radius, peak, top }) {
  const most = top < peak ? `, at most ${numberText(peak, 3)}` : "";
  const where = radius <= 0.5 ? "in a pixel" : `within ${numberText(radius, 3)} px`;
  if (kind === "none") return `codes ${where}, logarithmic${most}`;
  if (kind === "number") return `mean of the codes ${where}`;
  return `mean colour of the codes ${where}; stronger: more, up to ${numberText(peak, 3)}`;
}

function append(parent, tag, className) {
  const child = document.createElement(tag);
  if (className) child.className = className;
  parent.append(child);
  return child;
}

/** Setting the same text again would lay the page out anew. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
