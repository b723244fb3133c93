// What a click, a hover or a lasso in one pane means for its panels and for the run beside.
import { counted, inWords } from "./dom.js";

/**
 * Follow a click on a point, in its pane and in the pane beside.
 * @param {Workspace} workspace
 * @param {Pane} pane
 * @param {number} row
 * @returns {Promise<void>}
 */
export async function followPick(workspace, pane, row) {
  pane.setPicked(row);
  pane.panels.point.setPartner("");
  const shown = pane.panels.showPoint(row);
  const other = workspace.beside(pane);
  if (!other) return;
  const rows = await workspace.link(pane.run.id, other.run.id);
  if (!rows || pane.picked !== row || workspace.beside(pane) !== other) return;
  const partner = rows[row];
  if (partner < 0) {
    pane.panels.point.setPartner(`${other.run.label} has no code of this image.`);
    other.setPicked(null);
    return;
  }
  pane.panels.point.setPartner(`The same image is point ${inWords(partner)} of ${other.run.label}, ringed there.`);
  other.setPicked(partner);
  other.panels.point.setPartner(`The same image is point ${inWords(row)} of ${pane.run.label}.`);
  await Promise.all([shown, other.panels.showPoint(partner)]);
  showBeside(pane, other, row, partner);
  showBeside(other, pane, partner, row);
}

/** Put the other run's reconstruction beside a pane's own. */
function showBeside(pane, other, row, partner) {
  const { reconstruction } = other.panels.point.shown ?? {};
  const { point } = pane.panels;
  if (!reconstruction || point.row !== row || other.panels.point.row !== partner) return;
  point.setPartner(point.partner.textContent, { image: reconstruction, caption: `by ${other.run.label}` });
}

/**
 * Ring the partner of the point under the pointer.
 * @param {Workspace} workspace
 * @param {Pane} pane
 * @param {number} row −1: none
 * @returns {Promise<void>}
 */
export async function followHover(workspace, pane, row) {
  const other = workspace.beside(pane);
  if (!other) return;
  pane.hovered = row;
  const rows = row < 0 ? null : await workspace.link(pane.run.id, other.run.id);
  if (pane.hovered !== row || !other.data || workspace.beside(pane) !== other) return;
  const partner = rows ? rows[row] : -1;
  other.mark("hover", partner < 0 ? null : { points: [other.markOf(partner, "--zs-place")] });
}

/**
 * Select a set of points in a pane and their partners in the pane beside.
 * @param {Workspace} workspace
 * @param {Pane} pane
 * @param {Int32Array|null} rows null or empty: nothing
 * @returns {Promise<void>}
 */
export async function followSelection(workspace, pane, rows) {
  pane.setRows(rows);
  pane.panels.selection.show(pane.rows);
  const other = workspace.beside(pane);
  if (!other) return;
  if (!pane.rows) {
    other.setRows(null);
    other.panels.selection.show(null);
    return;
  }
  const links = await workspace.link(pane.run.id, other.run.id);
  if (!links || pane.rows !== rows || workspace.beside(pane) !== other) return;
  const partners = Int32Array.from(rows, (row) => links[row]).filter((row) => row >= 0);
  const alone = rows.length - partners.length;
  const missing = alone
    ? `${counted(alone, "point")} of the ${inWords(rows.length)} ${alone === 1 ? "has" : "have"} no partner in ${other.run.label}.`
    : `All have a partner in ${other.run.label}.`;
  pane.panels.selection.show(rows, missing);
  other.setRows(partners);
  other.panels.selection.show(other.rows, `Linked from ${pane.run.label}. ${missing}`);
  workspace.say(missing);
}
