// What all panels share: the session, calls to the server, columns (kept once they were asked for), the panes and which of them is active.
import { inWords } from "./dom.js";

const KEPT_COLUMNS = 40;

/**
 * The session in this page. Its events tell the panels what happened:
 * `active` {pane} · `run` {pane, id} · `plane` {pane} · `view` {pane} · `hover` {pane, row} · `pick` {pane, row} ·
 * `place` {pane, x, y} · `selection` {pane, rows} · `error` {message} · `say` {message} · `busy` {count}
 */
export class Workspace extends EventTarget {
  /**
   * @param {{call: function(string, Object): Promise<{data: Object, buffers: Object}>}} transport
   * @param {Object} session data of the call `session`
   */
  constructor(transport, session) {
    super();
    this.transport = transport;
    this.session = session;
    this.limits = session.limits;
    this.panes = [];
    this.active = null;
    this.pending = 0;
    this.numbered = 0;
    this.columns = new Map();
    this.links = new Map();
  }

  /** Data of the active pane's run. @returns {Object} */
  get run() {
    return this.active.run;
  }

  /** A number for a new pane, so that its streams of calls are its own. @returns {number} */
  nextNumber() {
    this.numbered += 1;
    return this.numbered;
  }

  /**
   * Tell the panels.
   * @param {string} type
   * @param {Object} [detail]
   * @returns {void}
   */
  tell(type, detail = {}) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /**
   * Listen.
   * @param {string} type
   * @param {function(Object): void} listener gets the detail
   * @returns {void}
   */
  on(type, listener) {
    this.addEventListener(type, (event) => listener(event.detail));
  }

  /**
   * A line for the person that is also read out.
   * @param {string} message
   * @returns {void}
   */
  say(message) {
    this.tell("say", { message });
  }

  /**
   * A call whose failure is shown to the person.
   * @param {string} name
   * @param {Object} params
   * @returns {Promise<{data: Object, buffers: Object}|null>} null where it failed or a newer call replaced it
   */
  async ask(name, params) {
    this.count(1);
    try {
      return await this.transport.call(name, params);
    } catch (error) {
      if (error.kind !== "superseded") this.tell("error", { message: error.message });
      return null;
    } finally {
      this.count(-1);
    }
  }

  /**
   * One column of a run, asked for once while it is among the last that were used.
   * @param {string} run id
   * @param {string} name axisI, pcI or a column of the points
   * @returns {Promise<{kind: string, values: TypedArray, names: string[]}|null>} null where it failed; the next call asks again
   */
  async column(run, name) {
    const key = `${run}:${name}`;
    if (!this.columns.has(key)) this.columns.set(key, this.ask("column", { run, name }));
    const answer = await this.columns.get(key);
    if (!answer) {
      this.columns.delete(key);
      return null;
    }
    // A Map keeps the order of entry: taken out and put back, the one used longest ago comes first.
    this.columns.delete(key);
    this.columns.set(key, answer);
    if (this.columns.size > KEPT_COLUMNS) this.columns.delete(this.columns.keys().next().value);
    return { kind: answer.data.kind, values: answer.buffers.values.array, names: answer.data.values ?? [] };
  }

  /**
   * For each row of one run the row of the same image in another.
   * @param {string} from run id
   * @param {string} to run id
   * @returns {Promise<Int32Array|null>} −1 where there is no partner
   */
  async link(from, to) {
    const key = `${from}:${to}`;
    if (from === to) return Int32Array.from({ length: this.session.runs.find(({ id }) => id === from).n }, (_, row) => row);
    if (!this.links.has(key)) this.links.set(key, this.ask("link", { a: from, b: to }));
    const answer = await this.links.get(key);
    if (!answer) {
      this.links.delete(key);
      return null;
    }
    return answer.buffers.rows.array;
  }

  /**
   * Make a pane the one the panels are about.
   * @param {Object} pane
   * @returns {void}
   */
  activate(pane) {
    if (this.active === pane) return;
    this.active = pane;
    this.tell("active", { pane });
  }

  /** The pane beside the given one. @param {Object} pane @returns {Object|null} */
  beside(pane) {
    return this.panes.find((other) => other !== pane) ?? null;
  }

  /** @param {number} change */
  count(change) {
    this.pending += change;
    this.tell("busy", { count: this.pending });
  }
}

/**
 * Whether codes have a value on this axis, so that an empty place of the plane is a code.
 * @param {string} name of a column
 * @returns {boolean}
 */
export function isLatent(name) {
  return /^(axis|pc)\d+$/.test(name);
}

/**
 * The unit of a column: axes and components are lengths in latent space, the two columns of one map share the map's own.
 * @param {Object} run
 * @param {string} name
 * @returns {string}
 */
export function unitOf(run, name) {
  if (isLatent(name)) return "latent";
  const map = run.maps.find((one) => one.x === name || one.y === name);
  return map ? `map ${map.x}` : name;
}

/**
 * What is wrong with a column name, in words.
 * @param {Object} run
 * @param {string} name
 * @returns {string} empty where it is a numeric column of the run
 */
export function columnFault(run, name) {
  const axis = /^axis(\d+)$/.exec(name);
  if (axis) return Number(axis[1]) < run.axes ? "" : `The codes have axes axis0 to axis${run.axes - 1}; there is no ${name}.`;
  const component = /^pc(\d+)$/.exec(name);
  if (component) {
    const number = Number(component[1]);
    return number >= 1 && number <= run.components ? "" : `The components are pc1 to pc${run.components}; there is no ${name}.`;
  }
  const column = run.columns.find((one) => one.name === name);
  if (!column) return `${run.label} has no column “${name}”.`;
  return column.kind === "number" ? "" : `“${name}” holds no numbers and cannot be an axis of a plane.`;
}

/**
 * Why a run cannot do what needs a decoder, or an empty text.
 * @param {Object} run
 * @param {string} what "Sliders decode", say
 * @returns {string}
 */
export function decoderFault(run, what) {
  return run.decoder ? "" : `${what} codes, and there is no decoder here. ${run.why_no_decoder}`;
}

/**
 * A run's name in a list of runs: its label, and its folder's name where labels are the same.
 * @param {Object} run
 * @param {Object[]} runs all of the session
 * @returns {string}
 */
export function runText(run, runs) {
  const same = runs.filter(({ label }) => label === run.label).length > 1;
  return same && run.name !== run.label ? `${run.label} · ${run.name}` : run.label;
}

/**
 * A point for people: its number and its image's id.
 * @param {number} row
 * @param {string} [id]
 * @returns {string}
 */
export function pointName(row, id = "") {
  return id && id !== String(row) ? `point ${inWords(row)} · ${id}` : `point ${inWords(row)}`;
}
