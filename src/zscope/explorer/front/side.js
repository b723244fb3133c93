// The right side: panels in tabs, one set for each pane; the active pane's set is shown.
import { DrawsPanel } from "./draws.js";
import { JourneyPanel } from "./journey.js";
import { OverviewPanel } from "./overview.js";
import { PlaceView } from "./place.js";
import { PointView } from "./point.js";
import { SelectionPanel } from "./selection.js";
import { SlidersPanel } from "./sliders.js";
import { make } from "./dom.js";

const TABS = [["point", "Point"], ["sliders", "Sliders"], ["path", "Path"], ["set", "Set"], ["samplers", "Samplers"], ["run", "Run"]];

/** All panels of one pane. */
export class Panels {
  /**
   * @param {Workspace} workspace
   * @param {Pane} pane
   * @param {function(string): void} open shows a tab
   */
  constructor(workspace, pane, open) {
    this.pane = pane;
    this.hint = make("p", { class: "zs-empty", text: `Click a point to see what lies behind it${pane.run.decoder ? ", or an empty place to see what is decoded there" : ""}.` });
    this.place = new PlaceView(workspace, pane);
    this.point = new PointView(workspace, pane, {
      pick: (row) => workspace.tell("pick", { pane, row }),
      end: (which, row) => {
        this.journey.setEnd(which, row);
        open("path");
      },
    });
    this.sliders = new SlidersPanel(workspace, pane);
    this.journey = new JourneyPanel(workspace, pane);
    this.selection = new SelectionPanel(workspace, pane, {
      pick: (row) => workspace.tell("pick", { pane, row }),
      clear: () => workspace.tell("selection", { pane, rows: null }),
    });
    this.draws = new DrawsPanel(workspace, pane);
    this.overview = new OverviewPanel(pane.run);
    const point = make("div", {}, this.hint, this.place.element, this.point.element);
    this.elements = {
      point, sliders: this.sliders.element, path: this.journey.element, set: this.selection.element,
      samplers: this.draws.element, run: this.overview.element,
    };
  }

  /**
   * Show the point that was clicked.
   * @param {number} row
   * @returns {Promise<void>} resolved when it is shown
   */
  showPoint(row) {
    this.hint.hidden = true;
    if (this.place.place) this.place.hide();
    this.sliders.pointChanged();
    return this.point.show(row);
  }

  /**
   * Show an empty place.
   * @param {number} x
   * @param {number} y
   * @returns {void}
   */
  showPlace(x, y) {
    this.hint.hidden = true;
    this.place.show(x, y);
  }

  /** The pane shows another plane. */
  planeChanged() {
    this.place.again();
    this.sliders.planeChanged();
    this.journey.planeChanged();
    this.draws.planeChanged();
  }
}

/** Tabs and the panel that is open. */
export class Side {
  constructor() {
    this.tab = "point";
    this.body = make("div", { class: "zs-side-body", role: "tabpanel", tabindex: "0" });
    this.tabs = new Map(TABS.map(([key, text], place) => [key, make("button", {
      type: "button", role: "tab", "data-tab": key, title: `${text} (${place + 1})`,
      onclick: () => this.open(key), onkeydown: (event) => this.step(event, place),
    }, text)]));
    const tabs = make("div", { class: "zs-tabs", role: "tablist", "aria-label": "Panels" }, ...this.tabs.values());
    this.element = make("aside", { class: "zs-side", "aria-label": "Panels" }, tabs, this.body);
  }

  /** Arrow keys go from tab to tab. @param {KeyboardEvent} event @param {number} place */
  step(event, place) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const key = TABS[(place + step + TABS.length) % TABS.length][0];
    this.open(key);
    this.tabs.get(key).focus();
  }

  /**
   * Open a tab.
   * @param {string} key
   * @returns {void}
   */
  open(key) {
    this.tab = this.tabs.has(key) ? key : "point";
    this.show();
  }

  /**
   * Open the tab at a place.
   * @param {number} place from 1
   * @returns {void}
   */
  openNumber(place) {
    if (TABS[place - 1]) this.open(TABS[place - 1][0]);
  }

  /**
   * Show the panels of a pane.
   * @param {Panels} panels
   * @returns {void}
   */
  setPanels(panels) {
    this.panels = panels;
    this.show();
  }

  show() {
    for (const [key, tab] of this.tabs) {
      tab.setAttribute("aria-selected", String(key === this.tab));
      tab.tabIndex = key === this.tab ? 0 : -1;
    }
    this.body.setAttribute("aria-label", this.tabs.get(this.tab).textContent);
    if (!this.panels) return;
    const element = this.panels.elements[this.tab];
    if (this.body.firstChild === element) return;
    this.body.replaceChildren(element);
    this.body.scrollTop = 0;
    if (this.tab === "sliders") this.panels.sliders.shown();
  }

  /** @param {number} count of the selected points, shown on the tab */
  setCount(count) {
    this.tabs.get("set").textContent = count ? `Set ${count.toLocaleString("en-GB")}` : "Set";
  }
}
