// The lineup: the codes' window hidden among draws of a null, to guess from. Who cannot tell them apart has seen no structure.
import { button, make, themeColour } from "./dom.js";
import { openDialog } from "./dialog.js";

const BINS = 96;
const FAINTEST = 40;
const score = { guessed: 0, found: 0, chance: 0 };

/**
 * Open a lineup of the central square of a pane's view.
 * @param {Workspace} workspace
 * @param {Pane} pane
 * @param {string} cloud the null's name
 * @returns {void}
 */
export function openLineup(workspace, pane, cloud) {
  const { cx, cy, hx, hy } = pane.square();
  const parts = {
    workspace, pane, cloud,
    window: [cx - hx, cx + hx, cy - hy, cy + hy],
    words: make("p", { class: "zs-lineup-words", role: "status" }),
    grid: make("div", { class: "zs-lineup" }),
    tally: make("span", { class: "zs-soft", text: scoreInWords() }),
  };
  const next = button("Another lineup", () => deal(parts), { class: "zs-primary" });
  const foot = make("div", { class: "zs-row zs-spread" }, parts.tally, next);
  openDialog(pane.element.closest(".zs-explorer"), "Which panel holds the codes?", make("div", {}, parts.words, parts.grid, foot), "zs-wide");
  deal(parts);
}

/** Draw new panels. @param {Object} parts of the dialog */
async function deal(parts) {
  const { workspace, pane, cloud, window, words, grid } = parts;
  const panels = workspace.limits.lineup_panels;
  const seed = crypto.getRandomValues(new Uint32Array(1))[0] >>> 1;
  words.textContent = `Drawing ${panels - 1} nulls …`;
  grid.classList.add("zs-faded");
  const answer = await workspace.ask("lineup", { run: pane.run.id, plane: pane.axes, cloud, window, panels, bins: BINS, seed });
  grid.classList.remove("zs-faded");
  if (!answer) {
    words.textContent = "No lineup could be drawn.";
    return;
  }
  words.textContent = `${answer.data.says} Click the panel that looks unlike the others.`;
  grid.replaceChildren(...panelButtons(parts, answer));
}

/** @param {Object} parts @param {Object} answer of the call @returns {HTMLButtonElement[]} */
function panelButtons(parts, answer) {
  const { array, shape } = answer.buffers.counts;
  const size = shape[1] * shape[2];
  const most = array.reduce((high, count) => Math.max(high, count), 1);
  const ink = themeColour(parts.pane.element, "--zs-ink");
  return Array.from({ length: shape[0] }, (_, panel) => {
    const canvas = make("canvas", { width: String(shape[2]), height: String(shape[1]) });
    drawCounts(canvas, array.subarray(panel * size, (panel + 1) * size), most, ink);
    const one = button("", () => guess(parts, answer.data.id, panel), { "aria-label": `Panel ${panel + 1}` });
    one.append(canvas, make("span", { text: String(panel + 1) }));
    return one;
  });
}

/**
 * Counts as shades of ink, on a logarithmic scale that all panels share.
 * @param {HTMLCanvasElement} canvas
 * @param {Uint32Array} counts row 0 lowest
 * @param {number} most the largest count of all panels
 * @param {string} ink "#rrggbb"
 * @returns {void}
 */
function drawCounts(canvas, counts, most, ink) {
  const { width, height } = canvas;
  const [red, green, blue] = [1, 3, 5].map((place) => Number.parseInt(ink.slice(place, place + 2), 16));
  const pixels = new ImageData(width, height);
  counts.forEach((count, bin) => {
    if (!count) return;
    const row = height - 1 - Math.floor(bin / width);
    const shade = FAINTEST + (255 - FAINTEST) * Math.log1p(count) / Math.log1p(most);
    pixels.data.set([red, green, blue, shade], 4 * (row * width + bin % width));
  });
  canvas.getContext("2d").putImageData(pixels, 0, 0);
}

/** The person has chosen a panel. @param {Object} parts @param {string} id of the lineup @param {number} panel */
async function guess(parts, id, panel) {
  const buttons = [...parts.grid.children];
  buttons.forEach((one) => { one.disabled = true; });
  const answer = await parts.workspace.ask("guess", { run: parts.pane.run.id, id, panel });
  if (!answer) return;
  const { right, panel: own, chance, counted, says } = answer.data;
  if (counted) {
    score.guessed += 1;
    score.found += right ? 1 : 0;
    score.chance += chance;
  }
  buttons[own].classList.add("zs-right");
  if (!right) buttons[panel].classList.add("zs-wrong");
  parts.words.textContent = says;
  parts.tally.textContent = counted ? scoreInWords() : `Not counted: this window was told before. ${scoreInWords()}`;
}

/** @returns {string} */
function scoreInWords() {
  return score.guessed ? `${score.found} of ${score.guessed} found; by chance alone ${score.chance.toFixed(2)}` : "A blind guess is right in 1 lineup of 20.";
}
