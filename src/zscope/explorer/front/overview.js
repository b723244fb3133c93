// What the run is and what was found of it: its verdicts, as in the report.
import { decoderFault } from "./workspace.js";
import { factItems, inWords, make } from "./dom.js";

/** The panel about the run. */
export class OverviewPanel {
  /** @param {Object} run data of the session */
  constructor(run) {
    const yes = (there) => there ? "yes" : "no";
    const facts = [["codes", inWords(run.n)], ["axes", inWords(run.d)],
      ...Object.entries(run.splits).map(([name, count]) => [name, inWords(count)]),
      ["images", run.shape ? run.shape.join(" × ") : yes(run.images)], ["decoder", yes(run.decoder)], ["judge", yes(run.judge)]];
    const others = run.notes.filter((note) => note !== run.why_no_decoder);
    const notes = [run.spacing_note, decoderFault(run, "Looking at empty places, sliders and paths decode"), ...others].filter(Boolean);
    this.element = make("div", {}, make("h3", { text: run.label }),
      make("dl", { class: "zs-facts" }, ...factItems(facts)),
      ...notes.map((text) => make("p", { class: "zs-soft", text })), verdictList(run.verdicts));
  }
}

/** @param {Array<{claim: string, holds: boolean|null, strength: string, says: string}>} verdicts @returns {HTMLElement} */
function verdictList(verdicts) {
  const items = verdicts.map(({ claim, holds, strength, says }) => {
    const head = make("div", { class: "zs-row zs-spread" }, make("b", { text: claim.replaceAll("_", " ") }), badge(holds, strength));
    return make("li", {}, head, make("p", { text: says }));
  });
  const title = verdicts.length ? `Verdicts (${verdicts.length})` : "No verdicts: the run was not measured";
  return make("details", { class: "zs-verdicts", open: verdicts.length > 0 }, make("summary", { text: title }), make("ul", {}, ...items));
}

/** @param {boolean|null} holds @param {string} strength @returns {HTMLElement} */
function badge(holds, strength) {
  if (strength === "descriptive") return make("span", { class: "zs-badge", text: "descriptive" });
  if (holds === null) return make("span", { class: "zs-badge", text: "open" });
  const words = holds ? "holds" : "does not hold";
  return make("span", { class: `zs-badge ${holds ? "zs-holds" : "zs-fails"}`, text: strength ? `${words} · ${strength}` : words });
}
