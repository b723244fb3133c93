/**
 * The elements of a plane, and how a frame comes onto them.
 *
 * Three canvases lie over each other: the field under the points, the points, and the marks (axes, overlay) over both.
 */
import { countTable, greyOf, greyTable, packColour, plainColour, slotTable } from "./colours.js";
import { Legend } from "./legend.js";
import { drawField, drawMarks, readTheme } from "./marks.js";
import { CanvasRenderer } from "./renderer.js";
import { numberText } from "./view.js";

/** What a plane is drawn on. */
export class Stage {
  #root = part("div", "plane");
  #frame = part("div", "plane-frame");
  #plot = part("div", "plane-plot");
  #field = part("canvas", "plane-field");
  #marks = part("canvas", "plane-marks");
  #banner = part("p", "plane-banner");
  #note = part("p", "plane-note");
  #status = part("p", "plane-status");
  #live = part("p", "plane-live");
  #theme = null;
  #tables = null;
  #fieldDrawn = false;
  #label;

  /**
   * @param {HTMLElement} element filled
   * @param {string} label what the plane is, for screen readers
   * @param {(index: number, on: boolean) => void} chooseCategory a category of the legend was clicked
   */
  constructor(element, label, chooseCategory) {
    this.#label = label;
    /** The canvas with the points, which takes pointer and keys. */
    this.canvas = part("canvas", "plane-points");
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "application");
    this.canvas.setAttribute("aria-roledescription", "plane of points");
    this.#live.setAttribute("aria-live", "polite");
    for (const canvas of [this.#field, this.#marks]) canvas.setAttribute("aria-hidden", "true");
    const notes = part("div", "plane-notes");
    notes.append(this.#banner, this.#note);
    this.#plot.append(this.#field, this.canvas, part("i", "plane-cross"), notes);
    this.#frame.append(this.#plot, this.#marks);
    this.#root.append(this.#frame, this.#status, this.#live);
    element.append(this.#root);
    /** How many points are in view, in words. */
    this.summary = "";
    this.legend = new Legend(this.#plot, chooseCategory);
    this.renderer = new CanvasRenderer(this.canvas);
    this.readTheme();
  }

  /** Left and top of the plot in the element, CSS pixels. @returns {[number, number]} */
  get origin() {
    return [this.#plot.offsetLeft, this.#plot.offsetTop];
  }

  /** Elements whose size the canvases follow. @returns {HTMLElement} */
  get plot() {
    return this.#plot;
  }

  /**
   * Fits the canvases to the plot.
   * @returns {[number, number] | null} its size in CSS pixels, null where it has none
   */
  resize() {
    const width = this.#plot.clientWidth;
    const height = this.#plot.clientHeight;
    if (width === 0 || height === 0) return null;
    this.ratio = window.devicePixelRatio || 1;
    this.renderer.resize(width, height, this.ratio);
    this.legend.fit(width);
    for (const [canvas, box] of [[this.#field, this.#plot], [this.#marks, this.#frame]]) {
      canvas.width = Math.round(box.clientWidth * this.ratio);
      canvas.height = Math.round(box.clientHeight * this.ratio);
    }
    return [width, height];
  }

  /** Reads the colours of the theme. */
  readTheme() {
    this.#theme = readTheme(this.#root);
    this.#tables = null;
  }

  /** The colours changed: their tables are made at the next frame. */
  forgetTables() {
    this.#tables = null;
  }

  /** @param {string} text said by screen readers when they are free */
  say(text) {
    this.#live.textContent = text;
  }

  /**
   * Draws a frame.
   * @param {object} state of `Shown.stateOf`
   * @param {boolean} points whether the points are drawn again, or only the marks
   */
  draw(state, points) {
    if (points) {
      this.renderer.draw(this.#sceneOf(state));
      this.#drawField(state);
      this.#drawWords(state);
    }
    const context = this.#marks.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.#marks.width, this.#marks.height);
    const [left, top] = this.origin;
    context.setTransform(this.ratio, 0, 0, this.ratio, left * this.ratio, top * this.ratio);
    drawMarks(context, { ...state, theme: this.#theme });
  }

  /** Takes the elements away. */
  destroy() {
    this.#root.remove();
  }

  #tablesOf(kind) {
    const { theme } = this.#theme;
    this.#tables ??= {
      slotTable: slotTable(kind, theme),
      greyTable: greyTable(theme),
      grey: packColour(greyOf(theme)),
      codes: { countTable: countTable(theme, "codes"), plain: packColour(plainColour(theme, "codes")) },
      null: { countTable: countTable(theme, "null"), plain: packColour(plainColour(theme, "null")) },
    };
    return this.#tables;
  }

  /** A null has no columns of its own: it is drawn in its one tint, without colours and selection. */
  #sceneOf({ cloud, view, colours, sortedSlots, sortedMarks, mode, nullShown }) {
    const tables = this.#tablesOf(colours.kind);
    const { x, y, sorted } = cloud;
    const own = nullShown
      ? { ...tables.null, kind: "none", sortedMarks: null }
      : { ...tables.codes, kind: colours.kind, sortedMarks };
    const { slotTable: table, greyTable: greys, grey } = tables;
    return { x, y, sorted, view, mode, slots: colours.slots, sortedSlots, slotTable: table, greyTable: greys, grey, ...own };
  }

  #drawField({ overlay, view }) {
    const field = overlay.field ?? null;
    if (field === null && !this.#fieldDrawn) return;
    const context = this.#field.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.#field.width, this.#field.height);
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    if (field) drawField(context, field, view, this.#theme.theme);
    this.#fieldDrawn = field !== null;
  }

  #drawWords(state) {
    const { cloud, nullShown, spacingNote, colours, mode, selectedCounts } = state;
    this.#root.classList.toggle("plane-null", nullShown);
    setShown(this.#banner, nullShown ? `NULL: ${cloud.says}` : "");
    setShown(this.#note, spacingNote);
    this.summary = statusOf(state, this.renderer.inView);
    setShown(this.#status, this.summary);
    this.#describe(state);
    const { slotTable: table, greyTable: greys, codes, null: other } = this.#tablesOf(colours.kind);
    const counts = nullShown ? other.countTable : codes.countTable;
    const { peak, top, radius } = this.renderer;
    this.legend.update({ colours, slotTable: table, greyTable: greys, countTable: counts, mode, peak, top, radius, nullShown, selectedCounts, theme: this.#theme.theme });
  }

  /** Says to screen readers what is shown. */
  #describe({ names, mode, nullShown, colours, cloud, spacingNote }) {
    const drawn = mode === "density" ? "density" : "points";
    const coloured = colours.kind === "none" || nullShown ? "" : `, coloured by ${colours.label}`;
    const what = nullShown ? `null cloud (${cloud.says})` : "codes";
    const place = `${names.x} across and ${names.y} up`;
    this.canvas.setAttribute("aria-label", `${this.#label}: ${drawn} of ${what}, ${place}${coloured}. ${this.summary}. ${spacingNote}`);
  }
}

function statusOf({ cloud, leftOut, nullShown, selectedCounts }, inView) {
  const what = nullShown ? "points of the null cloud" : "codes";
  const left = leftOut > 0 ? ` · ${numberText(leftOut, 3)} left out, without coordinates here` : "";
  const chosen = selectedCounts && !nullShown ? ` · ${numberText(selectedCounts.reduce((sum, count) => sum + count, 0), 3)} selected` : "";
  return `${numberText(inView, 3)} of ${numberText(cloud.x.length - leftOut, 3)} ${what} in view${left}${chosen}`;
}

function part(tag, className) {
  const element = document.createElement(tag);
  element.className = className;
  return element;
}

function setShown(element, text) {
  if (element.textContent !== text) element.textContent = text;
  element.hidden = text === "";
}
