// What every panel builds its part of the page with: elements, canvases from images, numbers in words.
// Nothing here takes HTML text: what comes from data enters as text.

const SVG_NAMESPACE = "http://www.w3.org/2000/svg";

/**
 * An element with attributes, listeners and children.
 * @param {string} tag
 * @param {Object<string, *>} [attributes] `class`, `text`, `on…` listeners, `title`, `aria-…`;
 *   false and null are left out, true is a bare attribute
 * @param {...(Node|string|null)} children
 * @returns {HTMLElement}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") element.textContent = value;
    else if (name === "value") element.value = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/**
 * A small line drawing of 16 × 16, in the colour of the text around it.
 * @param {string} path SVG path data
 * @returns {SVGElement}
 */
export function icon(path) {
  const drawing = document.createElementNS(SVG_NAMESPACE, "svg");
  const line = document.createElementNS(SVG_NAMESPACE, "path");
  drawing.setAttribute("viewBox", "0 0 16 16");
  drawing.setAttribute("aria-hidden", "true");
  drawing.setAttribute("class", "zs-icon");
  line.setAttribute("d", path);
  drawing.append(line);
  return drawing;
}

/**
 * A button.
 * @param {string} text what it says; empty with an icon
 * @param {function(MouseEvent): void} onclick
 * @param {Object<string, *>} [attributes]
 * @returns {HTMLButtonElement}
 */
export function button(text, onclick, attributes = {}) {
  return make("button", { type: "button", onclick, ...attributes }, text);
}

/**
 * A select.
 * @param {Array<{value: string, text: string, group?: string, disabled?: boolean}>} choices groups come in the order of their first choice
 * @param {function(string): void} choose called with the value that was chosen
 * @param {Object<string, *>} [attributes]
 * @returns {HTMLSelectElement}
 */
export function select(choices, choose, attributes = {}) {
  const element = make("select", { onchange: () => choose(element.value), ...attributes });
  fillSelect(element, choices);
  return element;
}

/**
 * Replace the choices of a select and keep what was chosen where it is still there.
 * @param {HTMLSelectElement} element
 * @param {Array<{value: string, text: string, group?: string, disabled?: boolean}>} choices
 * @returns {void}
 */
export function fillSelect(element, choices) {
  const before = element.value;
  const groups = new Map();
  element.replaceChildren();
  for (const choice of choices) {
    const option = make("option", { value: choice.value, text: choice.text, disabled: choice.disabled });
    if (!choice.group) {
      element.append(option);
      continue;
    }
    if (!groups.has(choice.group)) {
      groups.set(choice.group, make("optgroup", { label: choice.group }));
      element.append(groups.get(choice.group));
    }
    groups.get(choice.group).append(option);
  }
  if (choices.some((choice) => choice.value === before)) element.value = before;
}

/**
 * A row of buttons of which one is pressed.
 * @param {string} label for screen readers
 * @param {Array<{value: string, text: string, title?: string}>} choices
 * @param {string} chosen
 * @param {function(string): void} choose
 * @returns {{element: HTMLElement, set: function(string): void}}
 */
export function segments(label, choices, chosen, choose) {
  const buttons = new Map();
  const set = (value) => buttons.forEach((one, key) => one.setAttribute("aria-pressed", String(key === value)));
  const element = make("div", { class: "zs-segments", role: "group", "aria-label": label });
  for (const choice of choices) {
    const one = button(choice.text, () => {
      set(choice.value);
      choose(choice.value);
    }, { title: choice.title });
    buttons.set(choice.value, one);
    element.append(one);
  }
  set(chosen);
  return { element, set };
}

/**
 * A control under its name.
 * @param {string} name
 * @param {HTMLElement} control
 * @param {string} [className]
 * @returns {HTMLLabelElement}
 */
export function field(name, control, className = "") {
  return make("label", { class: `zs-field ${className}` }, make("span", { text: name }), control);
}

/**
 * One image of a stack, on a canvas of its own size; the style sheet scales it.
 * @param {{array: Uint8Array, shape: number[]}} images (m, h, w, c) with c 1 or 3, or one image (h, w, c)
 * @param {number} index which of the stack
 * @param {string} label for screen readers
 * @param {HTMLCanvasElement} [canvas] drawn on instead of a new one
 * @returns {HTMLCanvasElement}
 */
export function imageCanvas(images, index, label, canvas = make("canvas", { class: "zs-image" })) {
  const [height, width, channels] = images.shape.slice(-3);
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  canvas.classList.toggle("zs-crisp", height < 64);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", label);
  const pixels = new ImageData(width, height);
  const start = index * height * width * channels;
  for (let pixel = 0; pixel < height * width; pixel += 1) {
    const from = start + pixel * channels;
    const to = pixel * 4;
    pixels.data[to] = images.array[from];
    pixels.data[to + 1] = images.array[channels === 3 ? from + 1 : from];
    pixels.data[to + 2] = images.array[channels === 3 ? from + 2 : from];
    pixels.data[to + 3] = 255;
  }
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  return canvas;
}

/**
 * A figure: an image with words below it.
 * @param {HTMLElement} picture
 * @param {string} caption
 * @param {string} [className]
 * @returns {HTMLElement}
 */
export function figure(picture, caption, className = "") {
  return make("figure", { class: `zs-figure ${className}` }, picture, make("figcaption", { text: caption }));
}

/**
 * Names with what they are, for a `dl` of class zs-facts.
 * @param {Array<[string, string|Node]>} entries
 * @returns {HTMLElement[]}
 */
export function factItems(entries) {
  return entries.map(([name, value]) => {
    const text = typeof value === "string" ? value : null;
    return make("div", {}, make("dt", { text: name, title: name }), make("dd", { title: text }, value));
  });
}

/**
 * A number for people: four significant digits, thousands apart, no trailing noise.
 * @param {number|null|undefined} value
 * @returns {string}
 */
export function inWords(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (Number.isInteger(value)) return value.toLocaleString("en-GB").replace("-", "−");
  const size = Math.abs(value);
  const plain = () => Number(value.toPrecision(4)).toLocaleString("en-GB", { maximumFractionDigits: 6 });
  const text = size >= 1e5 || size < 1e-3 ? value.toExponential(2) : plain();
  return text.replaceAll("-", "−");
}

/**
 * A share as a percentage.
 * @param {number} share −1…1
 * @returns {string}
 */
export function percent(share) {
  return `${(100 * share).toFixed(share !== 0 && Math.abs(share) < 0.01 ? 2 : 1)} %`;
}

/**
 * A count with its noun: "1 point", "3,412 points".
 * @param {number} count
 * @param {string} noun singular
 * @returns {string}
 */
export function counted(count, noun) {
  return `${inWords(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/**
 * A colour of the page as the theme in force has it.
 * @param {Element} element inside the page
 * @param {string} name of a custom property, "--zs-line" say
 * @returns {string}
 */
export function themeColour(element, name) {
  return getComputedStyle(element).getPropertyValue(name).trim();
}

/** Works on the newest request only: one in flight and one that waits; a newer request replaces the one that waits. */
export class Latest {
  /** @param {function(*): Promise<void>} work must not reject */
  constructor(work) {
    this.work = work;
    this.busy = false;
    this.waiting = null;
  }

  /**
   * Ask for work.
   * @param {*} request handed to the work
   * @returns {Promise<void>} resolved when nothing is left to do
   */
  async ask(request) {
    this.waiting = { request };
    if (this.busy) return;
    this.busy = true;
    try {
      while (this.waiting) {
        const next = this.waiting.request;
        this.waiting = null;
        await this.work(next);
      }
    } finally {
      this.busy = false;
    }
  }

  /** Drop the request that waits. */
  cancel() {
    this.waiting = null;
  }
}
