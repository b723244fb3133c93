// The whole page inside one element: header, panes, panels, keys, messages. Last in the bundle.
import { HttpTransport } from "./transport.js";
import { Address } from "./address.js";
import { Pane } from "./pane.js";
import { Panels, Side } from "./side.js";
import { Workspace, columnFault } from "./workspace.js";
import { button, make } from "./dom.js";
import { followHover, followPick, followSelection } from "./linking.js";
import { openHelp } from "./dialog.js";

const TOAST_MS = 9000;
const MOST_PANES = 2;

/** The page. */
class Explorer {
  /**
   * @param {HTMLElement} element
   * @param {{call: function(string, Object): Promise<Object>}} transport
   * @param {{page?: boolean, theme?: string}} options
   */
  constructor(element, transport, options) {
    this.gone = false;
    this.transport = transport;
    this.address = new Address(options.page ?? false);
    this.theme = options.theme ?? this.address.read().theme;
    this.toasts = make("div", { class: "zs-toasts", role: "alert" });
    this.page = make("div", { class: "zs-explorer" }, this.toasts);
    this.setTheme(this.theme);
    element.append(this.page);
    // On a page of its own the keys work wherever the focus is; in a notebook only inside the widget.
    this.keys = options.page ? document : this.page;
    this.onKey = (event) => this.key(event);
    this.onHash = () => this.restore();
    this.keys.addEventListener("keydown", this.onKey);
    if (options.page) addEventListener("hashchange", this.onHash);
    this.dark = matchMedia("(prefers-color-scheme: dark)");
    this.onTheme = () => this.retheme();
    this.dark.addEventListener("change", this.onTheme);
  }

  /** Ask for the session and build the page. @returns {Promise<void>} */
  async start() {
    const waiting = make("p", { class: "zs-opening", role: "status", text: "Opening the codes …" });
    this.page.append(waiting);
    try {
      const { data } = await this.transport.call("session", {});
      waiting.remove();
      if (!this.gone) this.build(data);
    } catch (error) {
      waiting.textContent = error.message;
      waiting.append(button("Try again", () => {
        waiting.remove();
        this.start();
      }));
    }
  }

  /** @param {Object} session */
  build(session) {
    this.workspace = new Workspace(this.transport, session);
    this.side = new Side();
    this.panes = make("div", { class: "zs-panes" });
    this.said = make("p", { class: "zs-said", role: "status", "aria-live": "polite" });
    this.page.append(this.header(session), make("main", { class: "zs-main" }, this.panes, this.side.element));
    this.listen();
    this.restore();
  }

  /** @param {Object} session @returns {HTMLElement} */
  header(session) {
    const several = session.runs.length > 1;
    this.busy = make("span", { class: "zs-busy", hidden: true, role: "img", "aria-label": "working" });
    this.second = button("Second run", () => this.toggleSecond(), { "aria-pressed": "false", title: "Two runs side by side, with linked points" });
    this.themeButton = button("◐", () => this.switchTheme(), { title: "Light or dark", "aria-label": "Light or dark", class: "zs-square" });
    const runs = several ? `${session.runs.length} runs` : session.runs[0].label;
    const help = button("?", () => openHelp(this.page), { title: "Help (?)", "aria-label": "Help", class: "zs-square" });
    return make("header", { class: "zs-header" },
      make("b", { class: "zs-brand", text: "zscope" }), make("h1", { text: session.name, title: session.name }),
      runs.toLowerCase() === session.name.toLowerCase() ? null : make("span", { class: "zs-soft", text: runs }), this.busy, this.said,
      several ? this.second : null, this.themeButton, help);
  }

  listen() {
    const { workspace } = this;
    workspace.on("error", ({ message }) => this.toast(message));
    workspace.on("say", ({ message }) => { this.said.textContent = message; });
    workspace.on("busy", ({ count }) => { this.busy.hidden = count === 0; });
    workspace.on("active", () => this.activated());
    workspace.on("run", ({ pane, id }) => this.changeRun(pane, id));
    workspace.on("plane", ({ pane }) => {
      pane.panels.planeChanged();
      this.changed();
    });
    workspace.on("view", () => this.changed());
    workspace.on("hover", ({ pane, row }) => followHover(workspace, pane, row));
    workspace.on("pick", ({ pane, row }) => {
      this.side.open("point");
      followPick(workspace, pane, row);
    });
    workspace.on("place", ({ pane, x, y }) => {
      this.side.open("point");
      pane.panels.showPlace(x, y);
    });
    workspace.on("selection", ({ pane, rows }) => {
      if (rows && rows.length) this.side.open("set");
      followSelection(workspace, pane, rows).then(() => this.side.setCount(workspace.active.rows?.length ?? 0));
    });
  }

  /** Build the panes that the address asks for, or the first run's first plane. */
  restore() {
    const { panes, tab } = this.address.read();
    const { runs } = this.workspace.session;
    for (const pane of this.workspace.panes.splice(0)) this.drop(pane);
    const wanted = panes.length ? panes.slice(0, runs.length > 1 ? MOST_PANES : 1) : [{}];
    for (const state of wanted) this.addPane(runs.find((run) => run.id === state.run) ?? runs[0], state);
    this.side.open(tab || "point");
    this.workspace.activate(this.workspace.panes[0]);
  }

  /**
   * @param {Object} run
   * @param {Object} state what the address holds of a pane
   * @param {number} [place] among the panes
   */
  async addPane(run, state, place = this.workspace.panes.length) {
    const { workspace } = this;
    const pane = new Pane(workspace, run);
    pane.panels = new Panels(workspace, pane, (tab) => this.side.open(tab));
    workspace.panes.splice(place, 0, pane);
    this.panes.insertBefore(pane.element, this.panes.children[place] ?? null);
    this.layOut();
    pane.retheme();
    const asked = [state.x, state.y].every((name) => name && !columnFault(run, name)) ? { x: state.x, y: state.y } : null;
    const colour = state.colour ?? run.label_column ?? "";
    pane.setColour([...pane.colours.options].some((option) => option.value === colour) ? colour : "");
    pane.setMode(state.mode === "points" ? "points" : "density");
    await pane.setAxes(asked ?? run.planes[0] ?? { x: "axis0", y: run.axes > 1 ? "axis1" : "axis0" });
    if (asked && state.view) {
      const [cx, cy, ux, uy] = state.view;
      pane.plot.setView({ ...pane.plot.view, cx, cy, ux, uy });
    }
  }

  /** @param {Pane} pane */
  drop(pane) {
    pane.panels.journey.destroy();
    pane.destroy();
  }

  layOut() {
    const { active, panes } = this.workspace;
    const several = panes.length > 1;
    this.panes.classList.toggle("zs-two", several);
    this.second.setAttribute("aria-pressed", String(several));
    panes.forEach((pane) => pane.element.classList.toggle("zs-active", several && pane === active));
  }

  /** Open the pane beside, with the run that is not shown yet, or close it. */
  toggleSecond() {
    const { workspace } = this;
    if (workspace.panes.length > 1) {
      this.drop(workspace.panes.pop());
      this.layOut();
      workspace.activate(workspace.panes[0]);
      this.changed();
      return;
    }
    const [first] = workspace.panes;
    const run = workspace.session.runs.find((one) => one.id !== first.run.id);
    this.addPane(run, { x: first.axes.x, y: first.axes.y, colour: first.colour, mode: first.mode });
    this.carryOver(first);
  }

  /** Show in the pane beside what is selected and picked in this one. @param {Pane} pane */
  carryOver(pane) {
    if (pane.rows) followSelection(this.workspace, pane, pane.rows);
    if (pane.picked !== null) followPick(this.workspace, pane, pane.picked);
  }

  /** @param {Pane} pane @param {string} id of the run to show instead */
  changeRun(pane, id) {
    const { workspace } = this;
    const place = workspace.panes.indexOf(pane);
    const run = workspace.session.runs.find((one) => one.id === id);
    workspace.panes.splice(place, 1);
    this.drop(pane);
    this.addPane(run, { x: pane.axes?.x, y: pane.axes?.y, colour: pane.colour, mode: pane.mode }, place);
    workspace.activate(workspace.panes[place]);
    const other = workspace.beside(workspace.active);
    if (other) this.carryOver(other);
  }

  activated() {
    const { active } = this.workspace;
    this.layOut();
    this.side.setPanels(active.panels);
    this.side.setCount(active.rows?.length ?? 0);
    this.changed();
  }

  /** Something that the address tells has changed. */
  changed() {
    const { active, panes } = this.workspace;
    if (!active?.axes) return;
    this.address.write(() => ({ panes, tab: this.side.tab, theme: this.theme }));
  }

  /**
   * One line about what failed; it goes away by itself or by its button.
   * @param {string} message
   * @returns {void}
   */
  toast(message) {
    if ([...this.toasts.children].some((one) => one.firstChild.textContent === message)) return;
    const one = make("div", {}, make("span", { text: message }), button("×", () => one.remove(), { "aria-label": "Dismiss" }));
    this.toasts.append(one);
    setTimeout(() => one.remove(), TOAST_MS);
  }

  /** @param {string} theme "light", "dark", or empty for the system's */
  setTheme(theme) {
    this.theme = theme === "light" || theme === "dark" ? theme : "";
    if (this.theme) this.page.dataset.theme = this.theme;
    else delete this.page.dataset.theme;
  }

  switchTheme() {
    const dark = this.theme ? this.theme === "dark" : this.dark.matches;
    this.setTheme(dark ? "light" : "dark");
    this.retheme();
    this.changed();
  }

  retheme() {
    this.workspace?.panes.forEach((pane) => pane.retheme());
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const typed = event.target.closest?.("input:not([type=range]), select, textarea, [contenteditable]");
    const elsewhere = event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typed;
    if (elsewhere || !this.workspace?.active || this.page.querySelector("dialog")) return;
    const pane = this.workspace.active;
    const acts = {
      h: () => pane.setTool("pan"),
      d: () => pane.setTool("decode"),
      s: () => pane.setTool("lasso"),
      n: () => pane.nulls.flip(),
      l: () => pane.nulls.lineup(),
      m: () => pane.setMode(pane.mode === "density" ? "points" : "density"),
      "0": () => pane.plot.reset(),
      "[": () => pane.chooser.step(-1),
      "]": () => pane.chooser.step(1),
      "?": () => openHelp(this.page),
      Escape: () => pane.tool === "lasso" ? pane.setTool("pan") : this.workspace.tell("selection", { pane, rows: null }),
    };
    if (/^[1-6]$/.test(event.key)) this.side.openNumber(Number(event.key));
    else if (acts[event.key]) acts[event.key]();
    else return;
    event.preventDefault();
  }

  /** Take the page away. */
  destroy() {
    this.gone = true;
    this.keys.removeEventListener("keydown", this.onKey);
    removeEventListener("hashchange", this.onHash);
    this.dark.removeEventListener("change", this.onTheme);
    this.address.stop();
    for (const pane of this.workspace?.panes ?? []) this.drop(pane);
    this.page.remove();
  }
}

/**
 * Build the explorer inside an element.
 * @param {HTMLElement} element must have a height; it is filled
 * @param {{call: function(string, Object): Promise<{data: Object, buffers: Object}>}} transport
 * @param {{page?: boolean, theme?: string}} [options] `page`: the element is a page of its own, so keys are heard everywhere and
 *   the URL's fragment keeps what is shown; `theme`: "light" or "dark", else the system's
 * @returns {{destroy: function(): void}}
 */
export function mountExplorer(element, transport, options = {}) {
  const explorer = new Explorer(element, transport, options);
  explorer.start();
  return { destroy: () => explorer.destroy() };
}

const ownPage = document.getElementById("zscope-explorer");
if (ownPage) mountExplorer(ownPage, new HttpTransport(""), { page: true });
