// A path between two points: its images as a strip and as an animation, its lengths, and its line in the plane.
import { Latest, button, factItems, field, imageCanvas, inWords, make, select } from "./dom.js";

const WAYS = [
  { value: "linear", text: "straight line" },
  { value: "spherical", text: "along the sphere" },
  { value: "graph", text: "through neighbours" },
  { value: "geodesic", text: "geodesic (slow)" },
];
const STEPS = { least: 2, most: 48, usual: 12 };
const FRAME_MS = 120;

/** The panel of paths. */
export class JourneyPanel {
  /**
   * @param {Workspace} workspace
   * @param {Pane} pane
   */
  constructor(workspace, pane) {
    this.workspace = workspace;
    this.pane = pane;
    this.ends = { start: null, end: null };
    this.how = "linear";
    this.frame = 0;
    this.finding = new Latest((request) => this.find(request));
    // Without a decoder the way has codes but no images, and a geodesic, which follows the images, does not exist.
    this.ways = pane.run.decoder ? WAYS : WAYS.filter(({ value }) => value !== "geodesic");
    this.element = this.build();
  }

  /** @returns {HTMLElement} */
  build() {
    this.endWords = { start: make("b", { text: "–" }), end: make("b", { text: "–" }) };
    const [min, max, value] = [STEPS.least, STEPS.most, STEPS.usual].map(String);
    this.steps = make("input", { type: "number", min, max, value, onchange: () => this.go() });
    this.hint = make("p", { class: "zs-empty", text: "Click a point and choose “From here”; click another and choose “To here”." });
    this.canvas = make("canvas", { class: "zs-image zs-film" });
    this.play = button("Play", () => this.playing ? this.pause() : this.start(), { class: "zs-primary" });
    this.scrub = make("input", { type: "range", min: "0", value: "0", "aria-label": "Frame", oninput: () => {
      this.pause();
      this.showFrame(Number(this.scrub.value));
    } });
    this.strip = make("div", { class: "zs-sheet zs-strip" });
    this.lengths = make("dl", { class: "zs-facts zs-one" });
    this.says = make("div", { class: "zs-soft" });
    this.film = make("div", {}, this.canvas, make("div", { class: "zs-row zs-play" }, this.play, this.scrub), this.strip);
    this.result = make("div", { hidden: true }, this.film, this.lengths, this.says);
    const ends = make("dl", { class: "zs-facts" }, ...factItems(Object.entries(this.endWords)));
    return make("div", {}, ends,
      make("div", { class: "zs-row" },
        field("How", select(this.ways, (how) => {
          this.how = how;
          this.go();
        })), field("Steps", this.steps, "zs-short"), button("Swap", () => this.swap())),
      this.hint, this.result);
  }

  /**
   * Choose an end of the path.
   * @param {string} which "start" or "end"
   * @param {number} row
   * @returns {void}
   */
  setEnd(which, row) {
    this.ends[which] = row;
    this.markEnds();
    this.workspace.say(`Point ${inWords(row)} is the ${which} of the path.`);
    this.go();
  }

  swap() {
    this.ends = { start: this.ends.end, end: this.ends.start };
    this.markEnds();
    this.go();
  }

  markEnds() {
    const marks = [];
    for (const which of ["start", "end"]) {
      const row = this.ends[which];
      this.endWords[which].textContent = row === null ? "–" : `point ${inWords(row)}`;
      if (row !== null) marks.push(this.pane.markOf(row, "--zs-path", which));
    }
    this.pane.mark("ends", marks.length ? { points: marks } : null);
  }

  /** Ask for the path if both ends are known. */
  go() {
    const { pane, ends } = this;
    if (ends.start === null || ends.end === null) return;
    if (ends.start === ends.end) {
      this.workspace.tell("error", { message: "A path needs two different points." });
      return;
    }
    const steps = Math.min(STEPS.most, Math.max(STEPS.least, Math.round(Number(this.steps.value)) || STEPS.usual));
    this.steps.value = String(steps);
    this.pause();
    this.hint.hidden = false;
    this.hint.textContent = "Finding the way …";
    this.finding.ask({ run: pane.run.id, ...ends, how: this.how, steps, plane: pane.axes, stream: `path-${pane.number}` });
  }

  /** @param {Object} params of the call */
  async find(params) {
    const answer = await this.workspace.ask("path", params);
    this.hint.hidden = answer !== null;
    if (!answer) {
      this.hint.textContent = "No path was found.";
      return;
    }
    this.show(answer, params.plane);
  }

  /** The pane shows another plane: the path is asked for again, for its line there. */
  planeChanged() {
    this.markEnds();
    this.go();
  }

  /** @param {Object} answer of the call @param {Object} axes of the plane it was asked for */
  show({ data, buffers }, axes) {
    const { pane } = this;
    const worst = data.worst === null ? "–" : `frame ${data.worst + 1}`;
    const lengths = [["length in latent units", data.latent_length], ["length in images", data.image_length]];
    this.lengths.replaceChildren(...factItems([...lengths.map(([name, length]) => [name, inWords(length)]), ["worst", worst]]));
    const drawn = Boolean(buffers.x && buffers.y);
    const says = [...data.says,
      drawn ? "" : `The plane ${axes.x} × ${axes.y} has no coordinates for the codes between: only the ends are marked.`,
      buffers.images ? "" : `${pane.run.label} has no decoder: the codes between have no images.`];
    this.says.replaceChildren(...says.filter(Boolean).map((text) => make("p", { text })));
    const line = () => Array.from(buffers.x.array, (x, step) => [x, buffers.y.array[step]]);
    if (axes === pane.axes) pane.mark("path", drawn ? { path: line() } : null);
    this.result.hidden = false;
    this.film.hidden = !buffers.images;
    if (buffers.images) this.showFilm(buffers.images, data.worst);
  }

  /** @param {Object} images (steps, h, w, c) @param {number|null} worst */
  showFilm(images, worst) {
    this.images = images;
    const count = images.shape[0];
    this.scrub.max = String(count - 1);
    this.strip.replaceChildren(...Array.from({ length: count }, (_, step) => {
      const title = `Frame ${step + 1} of ${count}${step === worst ? ", the worst" : ""}`;
      const item = button("", () => {
        this.pause();
        this.showFrame(step);
      }, { class: step === worst ? "zs-wrong" : "", title, "aria-label": title });
      item.append(imageCanvas(images, step, title));
      return item;
    }));
    this.showFrame(0);
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches) this.start();
  }

  /** @param {number} step */
  showFrame(step) {
    this.frame = step;
    imageCanvas(this.images, step, `Frame ${step + 1} of the path`, this.canvas);
    this.scrub.value = String(step);
    [...this.strip.children].forEach((one, place) => one.setAttribute("aria-current", String(place === step)));
  }

  /** Play to and fro. */
  start() {
    this.pause();
    const count = this.images.shape[0];
    let direction = 1;
    this.playing = setInterval(() => {
      if (this.element.offsetParent === null) return;
      if (this.frame + direction < 0 || this.frame + direction >= count) direction = -direction;
      this.showFrame(this.frame + direction);
    }, FRAME_MS);
    this.play.textContent = "Pause";
  }

  /** Stop playing. */
  pause() {
    clearInterval(this.playing);
    this.playing = null;
    if (this.play) this.play.textContent = "Play";
  }

  /** Stop what runs on its own. */
  destroy() {
    this.pause();
  }
}
