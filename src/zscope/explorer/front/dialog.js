// A window over the page: it takes the focus, Escape closes it, and the focus goes back to where it was.
import { button, make } from "./dom.js";

/**
 * Open a dialog.
 * @param {HTMLElement} page the explorer's element; the dialog takes its colours
 * @param {string} title
 * @param {HTMLElement} content
 * @param {string} [className]
 * @returns {HTMLDialogElement}
 */
export function openDialog(page, title, content, className = "") {
  const close = button("Close", () => dialog.close(), { class: "zs-close", title: "Close (Escape)" });
  const dialog = make("dialog", { class: `zs-dialog ${className}`, "aria-label": title, onclose: () => dialog.remove() },
    make("header", {}, make("h2", { text: title }), close), content);
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  page.append(dialog);
  dialog.showModal();
  return dialog;
}

const KEYS = [
  ["Plane", [
    ["drag, arrows", "pan"], ["wheel, + −", "zoom"], ["0", "whole cloud"], ["m", "density or points"], ["[ ]", "plane before, plane after"],
    ["h", "tool: pan and pick"], ["d", "tool: decode while dragging"], ["s", "tool: lasso"],
    ["Enter", "focused plane: click its middle"], ["a", "focused plane: select all in view"], ["Escape", "leave the lasso, clear the selection"],
  ]],
  ["Chance", [["n", "flip to the null and back"], ["l", "lineup: guess the codes among nulls"]]],
  ["Page", [["1 … 6", "panels on the right"], ["?", "this help"]]],
];

const NOTES = [
  "Click a point to see its image, its reconstruction, its code and its neighbours. "
    + "Click an empty place, or drag with the decode tool, to see what the decoder makes of the code there; "
    + "the panel says where the other coordinates come from.",
  "The strip under the plane counts the codes of the marked square against Poisson points of the same smooth density. "
    + "“No difference seen” is all that a large p says.",
];

/**
 * Open the help.
 * @param {HTMLElement} page
 * @returns {void}
 */
export function openHelp(page) {
  const groups = KEYS.map(([name, keys]) => make("section", {}, make("h3", { text: name }),
    make("dl", { class: "zs-keys" }, ...keys.flatMap(([key, does]) => [make("dt", {}, make("kbd", { text: key })), make("dd", { text: does })]))));
  openDialog(page, "Help", make("div", {}, ...NOTES.map((text) => make("p", { text })), make("div", { class: "zs-help" }, ...groups)));
}
