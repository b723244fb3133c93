/**
 * What a plane shows: its codes, a null beside them, their colours, the selection, and what lies over them.
 */
import { prepareColours } from "./colours.js";
import { bytesInOrder, sortByPlace } from "./order.js";
import { spacingNoteOf } from "./view.js";

/** State of a plane, without how it is drawn. */
export class Shown {
  #sortedSlots = null;
  #sortedMarks = null;
  #selectedCounts = null;

  constructor() {
    this.codes = null;
    this.null = null;
    this.nullShown = false;
    this.colours = prepareColours({ kind: "none" });
    this.selected = null;
    this.mode = "density";
    this.overlay = {};
    /** Corners in latent units. */
    this.lasso = null;
    /** Row under the pointer. */
    this.hovered = -1;
  }

  /** The cloud that is drawn. @returns {object | null} */
  get cloud() {
    return this.nullShown ? this.null : this.codes;
  }

  /** Points of it without a place. @returns {number} */
  get leftOut() {
    return this.cloud ? this.cloud.x.length - this.cloud.sorted.rows.length : 0;
  }

  /**
   * Other codes: the null goes, and so do colours and a selection of another length.
   * @param {object} data see `Plane.setData`
   * @returns {boolean} whether the axes are other ones
   */
  setCodes({ x, y, names, equal = true, unit = "latent units", spacing = 0 }) {
    if (x.length !== y.length) throw new RangeError(`x and y must be of one length, got ${x.length} and ${y.length}`);
    const same = this.codes?.names.x === names.x && this.codes.names.y === names.y;
    this.codes = { x, y, names: { ...names }, equal, unit, spacing, sorted: sortByPlace(x, y) };
    Object.assign(this, { null: null, nullShown: false, lasso: null, hovered: -1 });
    if (this.colours.slots?.length !== x.length) this.colours = prepareColours({ kind: "none" });
    if (this.selected?.length !== x.length) this.selected = null;
    this.#arrange();
    return !same;
  }

  /** @param {{x: ArrayLike<number>, y: ArrayLike<number>, says: string} | null} cloud */
  setNull(cloud) {
    if (cloud && cloud.x.length !== cloud.y.length) throw new RangeError(`x and y of a null must be of one length, got ${cloud.x.length} and ${cloud.y.length}`);
    this.null = cloud && { ...cloud, sorted: sortByPlace(cloud.x, cloud.y) };
    this.showNull(this.nullShown);
  }

  /** @param {boolean} shown */
  showNull(shown) {
    this.nullShown = Boolean(shown) && this.null !== null;
    this.hovered = -1;
  }

  /** @param {object} colours see `Plane.setColours` */
  setColours(colours) {
    if (colours.kind !== "none") this.#checkLength("colours", colours.values);
    this.colours = prepareColours(colours);
    this.#arrange();
  }

  /** @param {Uint8Array | null} selected */
  setSelected(selected) {
    if (selected) this.#checkLength("the selection", selected);
    this.selected = selected;
    if (!selected) this.lasso = null;
    this.#arrange();
  }

  /**
   * Everything that a frame is drawn from.
   * @param {object} view
   * @returns {object}
   */
  stateOf(view) {
    const { names, unit, equal, spacing, x, y } = this.codes;
    const { cloud, leftOut, colours, mode, nullShown, overlay, lasso, hovered } = this;
    return {
      cloud, leftOut, names, unit, equal, view, colours, mode, nullShown, overlay, lasso,
      sortedSlots: this.#sortedSlots,
      sortedMarks: this.#sortedMarks,
      selectedCounts: this.#selectedCounts,
      hovered: hovered >= 0 ? [x[hovered], y[hovered]] : null,
      spacingNote: spacingNoteOf(view, names, spacing),
    };
  }

  #checkLength(what, values) {
    const rows = this.codes?.x.length;
    if (rows !== undefined && values.length !== rows) throw new RangeError(`${what} must be one a row, ${rows}, got ${values.length}`);
  }

  /** Slots and marks in the order in which the points are drawn, and the selected points by slot for the legend. */
  #arrange() {
    if (!this.codes) return;
    const { slots } = this.colours;
    this.#sortedSlots = bytesInOrder(slots, this.codes.sorted);
    this.#sortedMarks = bytesInOrder(this.selected, this.codes.sorted);
    this.#selectedCounts = this.selected && new Int32Array(256);
    for (let row = 0; row < (this.selected?.length ?? 0); row++) {
      if (this.selected[row] === 1) this.#selectedCounts[slots ? slots[row] : 0]++;
    }
  }
}
