/** Checks of the plane's arithmetic and of how the page asks, without a browser; `node --test` runs them, see test_front_plane.py. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { countLevels, tallyOf } from "./front/binning.js";
import { countTable, prepareColours, slotTable } from "./front/colours.js";
import { bytesInOrder, sortByPlace, stretchesIn } from "./front/order.js";
import { nearestRow, rowsInside } from "./front/picking.js";
import { CanvasRenderer, radiusFor } from "./front/renderer.js";
import { EmbeddedTransport, WidgetTransport } from "./front/transport.js";
import { axisTicks, fitView, floatSpacing, numberText, pixelAt, placeAt, scaleBar, spacingNoteOf, zoomedView } from "./front/view.js";

const HOME = { cx: 0.25, cy: -1.5, ux: 0.01, uy: 0.02, width: 1200, height: 700 };

function uniforms(seed) {
  let state = seed;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

function madePoints(count, Kind = Float32Array) {
  const uniform = uniforms(7);
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  const x = Kind.from({ length: count }, (_, row) => (row % 50 === 3 ? NaN : normal()));
  const y = Kind.from({ length: count }, (_, row) => (row % 90 === 4 ? -Infinity : 2 * normal() + (row % 7)));
  return { x, y };
}

test("the place under the pointer stays there over sixty steps of the wheel", () => {
  const uniform = uniforms(1);
  for (let trial = 0; trial < 50; trial++) {
    const [px, py] = [1200 * uniform(), 700 * uniform()];
    const [x, y] = placeAt(HOME, px, py);
    let view = HOME;
    // Each step reads the place anew, as it does after the pointer has moved: the worst case.
    for (let step = 0; step < 60; step++) {
      const [atX, atY] = placeAt(view, px, py);
      view = zoomedView(view, { px, py, x: atX, y: atY }, 1.35, HOME);
    }
    assert.ok(view.ux < 1e-9);
    const [nowX, nowY] = pixelAt(view, x, y);
    assert.ok(Math.hypot(nowX - px, nowY - py) < 0.5, `moved to ${nowX}, ${nowY} from ${px}, ${py}`);
  }
});

test("a zoom ends where doubles do and keeps the ratio of the scales", () => {
  let view = HOME;
  const anchor = { px: 300, py: 200, ...Object.fromEntries(["x", "y"].map((name, axis) => [name, placeAt(HOME, 300, 200)[axis]])) };
  for (let step = 0; step < 400; step++) view = zoomedView(view, anchor, 1.5, HOME);
  assert.ok(view.ux > 1e-14 && Math.abs(view.uy / view.ux - 2) < 1e-9);
  for (let step = 0; step < 400; step++) view = zoomedView(view, anchor, 1 / 1.5, HOME);
  assert.ok(Math.abs(view.ux / HOME.ux - 64) < 1e-6);
});

test("the spacing of float32 is that of its bits", () => {
  const uniform = uniforms(2);
  const number = new Float32Array(1);
  const bits = new Uint32Array(number.buffer);
  for (let trial = 0; trial < 2000; trial++) {
    number[0] = (uniform() - 0.5) * 10 ** (20 * (uniform() - 0.5));
    const value = number[0];
    bits[0] += 1;
    assert.equal(floatSpacing(value), Math.abs(number[0] - value));
  }
  assert.equal(floatSpacing(0), 2 ** -149);
});

test("the note comes where a pixel is finer than the spacing, and not before", () => {
  const names = { x: "axis3", y: "axis4" };
  const view = { cx: 1.5, cy: 0.01, width: 1000, height: 600 };
  assert.equal(spacingNoteOf({ ...view, ux: 1.3e-7, uy: 1.3e-7 }, names), "");
  const note = spacingNoteOf({ ...view, ux: 1.1e-7, uy: 1.1e-7 }, names);
  assert.match(note, /1\.2 × 10⁻⁷ apart in axis3/);
  assert.doesNotMatch(note, /axis4/);
});

test("a component is as fine as the codes' largest coordinate, wherever the window lies", () => {
  const view = { cx: 0, cy: 0, ux: 2e-9, uy: 2e-9, width: 1000, height: 600 };
  const spacing = 2 ** -22;
  const note = spacingNoteOf(view, { x: "pc1", y: "pc2" }, spacing);
  assert.match(note, /spacing: codes are rounded to 2\.4 × 10⁻⁷ \(120 px\); finer structure in pc1 and pc2 is rounding\.$/);
  assert.equal(spacingNoteOf({ ...view, ux: 3e-7, uy: 3e-7 }, { x: "pc1", y: "pc2" }, spacing), "");
  const mixed = spacingNoteOf({ ...view, cy: 1.5 }, { x: "pc1", y: "axis4" }, spacing);
  assert.match(mixed, /1\.2 × 10⁻⁷ apart in axis4 .* finer structure in pc1 is rounding/);
  assert.equal(spacingNoteOf(view, { x: "pc1", y: "pc2" }), "", "components of a report are float32 themselves");
});

test("offset and label of a tick give its place at any depth", () => {
  const powers = { "⁻": "-", ...Object.fromEntries([..."⁰¹²³⁴⁵⁶⁷⁸⁹"].map((digit, value) => [digit, value])) };
  const plain = (text) => Number(text.replaceAll("−", "-").replaceAll(",", ""));
  for (const centre of [0, 0.123456789012, -3.25, 81234.5]) {
    for (let depth = 2; depth > -11; depth--) {
      const unit = 10 ** depth;
      const { ticks, note } = axisTicks(centre, unit, 900, 84);
      assert.ok(ticks.length >= 3 && ticks.length <= 11);
      const power = /10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)$/.exec(note);
      const factor = power ? Number(`1e${[...power[1]].map((digit) => powers[digit]).join("")}`) : 1;
      const offset = note.includes("+ n") ? plain(note.split(" + ")[0]) : 0;
      for (const { pixel, label } of ticks) {
        assert.ok(label.length <= 7, label);
        assert.ok(Math.abs((offset - centre + plain(label) * factor) / unit - pixel) < 0.2, `${label} ${note}`);
      }
    }
  }
});

test("a scale bar is the longest nice length that has room", () => {
  for (let unit = 1e-9; unit < 10; unit *= 1.37) {
    const { pixels } = scaleBar(unit, 130);
    assert.ok(pixels <= 130.001 && pixels > 130 / 2.5 - 0.001);
    const digits = (pixels * unit).toExponential(6);
    assert.match(digits, /^[125]\.000000e/);
  }
});

test("numbers for people", () => {
  const said = [0, 1234567, 0.25, -1.234e-5, 1e-7, NaN].map((value) => numberText(value, 3));
  assert.deepEqual(said, ["0", "1,234,567", "0.25", "−1.23 × 10⁻⁵", "10⁻⁷", "–"]);
});

test("sorted points are the placed ones, and a window's stretches hold all that lie in it", () => {
  for (const Kind of [Float32Array, Float64Array]) {
    const { x, y } = madePoints(5000, Kind);
    const sorted = sortByPlace(x, y);
    const placed = [...x.keys()].filter((row) => Number.isFinite(x[row]) && Number.isFinite(y[row]));
    assert.deepEqual([...sorted.rows].sort((a, b) => a - b), placed);
    assert.ok(sorted.rows.every((row, point) => sorted.x[point] === x[row] && sorted.y[point] === y[row]));
    for (const [x0, x1, y0, y1] of [[-0.3, 0.2, 1, 2.5], [-9, 9, -40, 40], [2.9, 30, -1, 0], [0.1, 0.1001, 3, 3.001]]) {
      const stretches = stretchesIn(sorted, [x0, x1, y0, y1]);
      const held = new Set();
      for (let place = 0; place < stretches.length; place += 2) {
        for (let point = stretches[place]; point < stretches[place + 1]; point++) held.add(sorted.rows[point]);
      }
      assert.ok(placed.every((row) => !(x[row] >= x0 && x[row] <= x1 && y[row] >= y0 && y[row] <= y1) || held.has(row)));
    }
  }
});

test("one place, and no place at all, can be sorted and fitted", () => {
  const none = sortByPlace(Float32Array.of(NaN), Float32Array.of(1));
  assert.equal(none.rows.length, 0);
  const one = sortByPlace(Float32Array.of(3, 3), Float32Array.of(4, 4));
  assert.deepEqual([...one.rows], [0, 1]);
  const view = fitView([3, 3], [4, 4], 800, 600, true);
  assert.deepEqual([view.cx, view.cy, view.ux > 0], [3, 4, true]);
});

test("inside of a lasso: as by the plain even-odd rule, self-crossing too", () => {
  const { x, y } = madePoints(4000);
  const corners = Array.from({ length: 90 }, (_, step) => {
    const turn = (4 * Math.PI * step) / 90;
    return [1.3 * Math.cos(turn) + 0.3 * Math.cos(5.5 * turn), 3 + 3 * Math.sin(turn)];
  });
  const expected = [...x.keys()].filter((row) => {
    let inside = false;
    corners.forEach(([ax, ay], place) => {
      const [bx, by] = corners[(place + 1) % corners.length];
      if (ay > y[row] !== by > y[row] && x[row] < ((bx - ax) * (y[row] - ay)) / (by - ay) + ax) inside = !inside;
    });
    return inside;
  });
  assert.ok(expected.length > 100);
  assert.deepEqual([...rowsInside(sortByPlace(x, y), corners, HOME)], expected);
  assert.deepEqual([...rowsInside(sortByPlace(x, y), [[0, 0], [1, 0], [2, 0]], HOME)], []);
});

test("the nearest point is that of a look at every point", () => {
  const { x, y } = madePoints(3000);
  const sorted = sortByPlace(x, y);
  const uniform = uniforms(3);
  for (let trial = 0; trial < 300; trial++) {
    const [px, py] = [1200 * uniform(), 700 * uniform()];
    let best = { distance: 8, row: -1 };
    for (let row = 0; row < x.length; row++) {
      const [atX, atY] = pixelAt(HOME, x[row], y[row]);
      const distance = Math.hypot(atX - px, atY - py);
      if (distance <= best.distance) best = { distance, row };
    }
    assert.equal(nearestRow(sorted, HOME, px, py, 8), best.row);
  }
});

test("twenty categories have colours, the largest ones; the others are said", () => {
  const values = Int32Array.from({ length: 1000 }, (_, row) => (row % 10 === 0 ? -1 : row % 25));
  const names = Array.from({ length: 25 }, (_, index) => `name ${index}`);
  const { slots, missing, entries, others } = prepareColours({ kind: "category", values, names, label: "x" });
  assert.equal(missing, 100);
  assert.equal(others, 5);
  assert.equal(entries.length, 21);
  assert.equal(entries.reduce((sum, { count }) => sum + count, 0), 900);
  const table = slotTable("category", "light");
  assert.equal(new Set(table.subarray(1, 21)).size, 20);
  assert.ok(values.every((value, row) => (value < 0) === (slots[row] === 0)));
});

test("a ramp spans the values, or their middle 99 % where a few lie far off", () => {
  const values = Float32Array.from({ length: 2000 }, (_, row) => row / 1000);
  const whole = prepareColours({ kind: "number", values, label: "x" });
  assert.deepEqual([whole.range.cutLow, whole.range.cutHigh, whole.slots[0], whole.slots[1999]], [false, false, 1, 255]);
  values[5] = 1e6;
  values[6] = NaN;
  const cut = prepareColours({ kind: "number", values, label: "x" });
  assert.deepEqual([cut.range.cutLow, cut.range.cutHigh, cut.missing, cut.slots[6], cut.slots[5]], [false, true, 1, 0, 255]);
});

test("the ramp of counts ends where a thousandth of the pixels lies beyond", () => {
  const counts = new Int32Array(20000);
  counts.fill(1, 0, 9000).fill(8, 9000, 9995).fill(500, 9995, 10000);
  assert.equal(tallyOf(counts, 0, 1, new Int32Array(4096)), 8);
  const levels = countLevels(500, 8);
  assert.deepEqual([levels[1], levels[8], levels[500]], [0, 255, 255]);
});

/** A canvas that keeps the last picture. */
function fakeCanvas() {
  const canvas = { width: 0, height: 0 };
  canvas.picture = null;
  canvas.getContext = () => ({
    createImageData: (width, height) => ({ width, height, data: new Uint8ClampedArray(4 * width * height) }),
    putImageData: (image, left, top) => {
      const packed = new Uint32Array(image.data.buffer);
      canvas.picture = (px, py) => packed[(py - top) * image.width + px - left];
    },
  });
  return canvas;
}

function sceneOf(x, y, view, more) {
  const sorted = sortByPlace(x, y);
  const tables = { slotTable: slotTable("category", "light"), countTable: countTable("light", "codes"), greyTable: new Uint32Array(256).fill(7) };
  return { x, y, sorted, view, mode: "points", kind: "none", slots: null, sortedSlots: null, sortedMarks: null, grey: 0xff000001, plain: 0xff000002, ...tables, ...more };
}

test("every point in the window is counted and coloured, at its pixel, and no other", () => {
  const { x, y } = madePoints(160000);
  const view = { ...fitView([-4, 4], [-6, 12], 300, 240, false) };
  const canvas = fakeCanvas();
  const renderer = new CanvasRenderer(canvas);
  renderer.resize(300, 240, 1);
  renderer.draw(sceneOf(x, y, view, { mode: "density" }));
  const expected = new Set();
  let inside = 0;
  for (let row = 0; row < x.length; row++) {
    const [px, py] = pixelAt(view, x[row], y[row]);
    if (!(px >= 0 && px < 300 && py >= 0 && py < 240)) continue;
    inside++;
    expected.add(Math.floor(py) * 300 + Math.floor(px));
  }
  assert.equal(renderer.inView, inside);
  assert.equal(renderer.radius, 0.5);
  let wrong = 0;
  for (let py = 0; py < 240; py++) for (let px = 0; px < 300; px++) if ((canvas.picture(px, py) !== 0) !== expected.has(py * 300 + px)) wrong++;
  // A point on the border of two pixels may fall to either side by a rounding.
  assert.ok(wrong <= 2, `${wrong} pixels`);
});

test("later points lie over earlier ones, selected points over all", () => {
  const view = { cx: 0, cy: 0, ux: 1, uy: 1, width: 40, height: 40 };
  const [x, y] = [Float32Array.of(0, 1), Float32Array.of(0, 0)];
  const slots = Uint8Array.of(1, 2);
  const table = slotTable("category", "light");
  const canvas = fakeCanvas();
  const renderer = new CanvasRenderer(canvas);
  renderer.resize(40, 40, 1);
  const draw = (marks) => {
    const scene = sceneOf(x, y, view, { kind: "category", slots });
    scene.sortedSlots = bytesInOrder(slots, scene.sorted);
    scene.sortedMarks = bytesInOrder(marks, scene.sorted);
    renderer.draw(scene);
    return canvas.picture(20, 20);
  };
  assert.equal(draw(null), table[2]);
  assert.equal(draw(Uint8Array.of(1, 0)), table[1]);
  assert.equal(draw(Uint8Array.of(0, 0)), 0xff000001);
});

test("discs are larger the fewer there are, and one pixel of colour from 100,000 on", () => {
  const radii = [10, 500, 5000, 50000, 99999, 100000, 1e6].map((count) => radiusFor(count, "points"));
  assert.deepEqual([radii[0], radii[1], radii.at(-2), radii.at(-1)], [3.5, 3.5, 1, 1]);
  assert.ok(radii.every((radius, place) => place === 0 || radius <= radii[place - 1]));
  assert.equal(radiusFor(1e6, "density"), 0.5);
});

/** An envelope as Python packs it, of float32 columns. */
function enveloped(data, columns = {}) {
  const padded = (bytes) => Buffer.concat([bytes, Buffer.alloc((8 - (bytes.length % 8)) % 8)]);
  const buffers = Object.entries(columns).map(([name, values]) => ({ name, dtype: "float32", shape: [values.length] }));
  const header = Buffer.from(JSON.stringify({ data, buffers }));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(header.length);
  return Buffer.concat([padded(Buffer.concat([length, header])), ...Object.values(columns).map((values) => padded(Buffer.from(values.buffer)))]);
}

test("two views of one widget hear all answers, and take their own", async () => {
  const listeners = new Set();
  const sent = [];
  const model = { on: (_, listener) => listeners.add(listener), off: (_, listener) => listeners.delete(listener), send: (message) => sent.push(message) };
  const [first, second] = [new WidgetTransport(model), new WidgetTransport(model)];
  const answers = [first.call("column", { stream: "window-1" }), second.call("column", { stream: "window-1" })];
  assert.notEqual(sent[0].parameters.stream, sent[1].parameters.stream);
  for (const place of [1, 0]) {
    const bytes = new Uint8Array(enveloped({ place }));
    listeners.forEach((listener) => listener({ call: sent[place].call }, [bytes]));
  }
  assert.deepEqual((await Promise.all(answers)).map(({ data }) => data.place), [0, 1]);
  first.close();
  assert.equal(listeners.size, 1);
});

test("a report says which null is shown: that of codes, or of their map", async () => {
  const column = Float32Array.of(1, 2);
  const text = enveloped({ null_says: "a cloud", null_map_says: "a map" }, { "null:pc1": column, "null:tsne.standard.x": column }).toString("base64");
  const report = new EmbeddedTransport(text);
  const says = async (name) => (await report.call("null", { names: [name] })).data.says;
  assert.deepEqual([await says("pc1"), await says("tsne.standard.x")], ["a cloud", "a map"]);
});
