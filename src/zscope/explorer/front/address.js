// What is shown, kept in the URL's fragment: a reload or a link that is passed on comes back to it.

/** Reads and writes the fragment, or nothing where the page is not ours (a notebook). */
export class Address {
  /** @param {boolean} used */
  constructor(used) {
    this.used = used;
    this.timer = null;
  }

  /**
   * What the fragment says.
   * @returns {{panes: Array<Object>, tab: string, theme: string}} panes: run, x, y, colour, mode, view (cx, cy, ux, uy) as far as given
   */
  read() {
    const fields = new URLSearchParams(this.used ? location.hash.slice(1) : "");
    const panes = ["", "2"].filter((suffix) => fields.has(`x${suffix}`) && fields.has(`y${suffix}`)).map((suffix) => {
      const get = (name) => fields.get(name + suffix) ?? "";
      const view = get("view").split(",").map(Number);
      const whole = view.length === 4 && view.every(Number.isFinite) && view[2] > 0 && view[3] > 0;
      return { run: get("run"), x: get("x"), y: get("y"), colour: get("colour"), mode: get("mode"), view: whole ? view : null };
    });
    return { panes, tab: fields.get("tab") ?? "", theme: fields.get("theme") ?? "" };
  }

  /**
   * Write what is shown, soon.
   * @param {function(): {panes: Array<Pane>, tab: string, theme: string}} state
   * @returns {void}
   */
  write(state) {
    if (!this.used) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => history.replaceState(null, "", `#${fragmentOf(state())}`), 150);
  }

  /** Write nothing any more. */
  stop() {
    clearTimeout(this.timer);
  }
}

/** @param {{panes: Array<Pane>, tab: string, theme: string}} state @returns {string} */
function fragmentOf({ panes, tab, theme }) {
  const fields = new URLSearchParams();
  panes.filter((pane) => pane.axes).forEach((pane, place) => {
    const suffix = place ? "2" : "";
    const { cx, cy, ux, uy } = pane.plot.view;
    fields.set(`run${suffix}`, pane.run.id);
    fields.set(`x${suffix}`, pane.axes.x);
    fields.set(`y${suffix}`, pane.axes.y);
    fields.set(`colour${suffix}`, pane.colour);
    fields.set(`mode${suffix}`, pane.mode);
    fields.set(`view${suffix}`, [cx, cy, ux, uy].join(","));
  });
  fields.set("tab", tab);
  if (theme) fields.set("theme", theme);
  return fields.toString();
}
