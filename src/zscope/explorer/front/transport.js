// How the page asks: over HTTP, over a notebook's channel, or of what a report holds.

/** @typedef {Float32Array|Float64Array|Int32Array|Uint32Array|Uint8Array} TypedArray */
/** @typedef {{data: any, buffers: Object<string, {array: TypedArray, shape: number[]}>}} Answer */

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  uint32: Uint32Array,
  uint8: Uint8Array,
};

/** An error of a call: `kind` says what sort, `message` is one line for people. */
export class CallError extends Error {
  /**
   * @param {string} kind
   * @param {string} says
   */
  constructor(kind, says) {
    super(says);
    this.kind = kind;
  }
}

/**
 * Take an envelope apart; the arrays are views into it.
 * @param {ArrayBuffer} envelope - uint32 length, JSON header, arrays, each at a multiple of 8 bytes.
 * @returns {Answer}
 */
export function readEnvelope(envelope) {
  const length = new DataView(envelope).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(envelope, 4, length)));
  const padded = (bytes) => Math.ceil(bytes / 8) * 8;
  let place = padded(4 + length);
  const buffers = {};
  for (const { name, dtype, shape } of header.buffers) {
    const count = shape.reduce((product, edge) => product * edge, 1);
    const array = new ARRAYS[dtype](envelope, place, count);
    buffers[name] = { array, shape };
    place += padded(array.byteLength);
  }
  return { data: header.data, buffers };
}

/** Streams are those of one page or view: two people who drag do not supersede each other. */
function ownStream(params, id) {
  return params.stream === undefined ? params : { ...params, stream: `${id}:${params.stream}` };
}

function newId() {
  return Math.random().toString(36).slice(2, 10);
}

/** Asks the server that the page came from. */
export class HttpTransport {
  /** @param {string} base - What stands before `api/`: empty for the page's own folder. */
  constructor(base = "") {
    this.base = base;
    this.id = newId();
    this.token = takeToken();
  }

  /**
   * @param {string} name
   * @param {object} params
   * @returns {Promise<Answer>}
   */
  async call(name, params = {}) {
    const headers = { "Content-Type": "application/json" };
    if (this.token) headers.Authorization = `Bearer ${this.token}`;
    let response;
    try {
      response = await fetch(`${this.base}api/${name}`, {
        method: "POST",
        headers,
        body: JSON.stringify(ownStream(params, this.id)),
      });
    } catch {
      throw new CallError("offline", "zscope does not answer: is zscope explore still running?");
    }
    if (!response.headers.get("Content-Type")?.startsWith("application/octet-stream")) {
      const { kind, says } = await errorOf(response);
      throw new CallError(kind, says);
    }
    return readEnvelope(await response.arrayBuffer());
  }
}

/** @param {Response} response */
async function errorOf(response) {
  try {
    return (await response.json()).error;
  } catch {
    return { kind: "internal", says: `the server answered ${response.status} ${response.statusText}` };
  }
}

/** The token of the printed URL: taken out of the fragment, and kept for reloads of this tab. */
function takeToken() {
  const found = /(?:^#|&)token=([\w-]+)/.exec(location.hash);
  if (found) {
    sessionStorage.setItem("zscope-token", found[1]);
    const rest = location.hash.slice(1).split("&").filter((part) => !part.startsWith("token="));
    history.replaceState(null, "", rest.length ? `#${rest.join("&")}` : location.pathname + location.search);
  }
  return sessionStorage.getItem("zscope-token");
}

/** Asks the kernel of a notebook, for one of the views of a widget: every view hears the answers to all. */
export class WidgetTransport {
  /** @param {{send: Function, on: Function, off: Function}} model - Of anywidget. */
  constructor(model) {
    this.model = model;
    this.id = newId();
    this.waiting = new Map();
    this.last = 0;
    this.listener = (content, buffers) => this.answered(content, buffers);
    model.on("msg:custom", this.listener);
  }

  /**
   * @param {string} name
   * @param {object} params
   * @returns {Promise<Answer>}
   */
  call(name, params = {}) {
    const number = `${this.id}:${++this.last}`;
    return new Promise((resolve, reject) => {
      this.waiting.set(number, { resolve, reject });
      this.model.send({ call: number, name, parameters: ownStream(params, this.id) });
    });
  }

  /** Stop listening: the view is gone. */
  close() {
    this.model.off("msg:custom", this.listener);
  }

  answered({ call, error }, buffers) {
    const one = this.waiting.get(call);
    if (!one) return;
    this.waiting.delete(call);
    if (error) one.reject(new CallError(error.kind, error.says));
    else one.resolve(readEnvelope(copied(buffers[0])));
  }
}

/** A notebook gives views that begin anywhere; arrays must begin at a multiple of 8 bytes. */
function copied(view) {
  return view instanceof ArrayBuffer
    ? view
    : view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);
}

/** Asks what a report holds: columns of one run and of its null, and no more. */
export class EmbeddedTransport {
  /** @param {string} text - An envelope in base64: its data is the session, its buffers are columns. */
  constructor(text) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const { data, buffers } = readEnvelope(bytes.buffer);
    this.session = data;
    this.buffers = buffers;
  }

  /**
   * @param {string} name
   * @param {object} params
   * @returns {Promise<Answer>}
   */
  async call(name, params = {}) {
    if (name === "session") return { data: this.session, buffers: {} };
    if (name === "column") return { data: {}, buffers: { values: this.column(params.name) } };
    if (name === "null") {
      const buffers = Object.fromEntries(params.names.map((one) => [one, this.column(`null:${one}`)]));
      const { null_says: ofCloud, null_map_says: ofMap } = this.session;
      return { data: { says: params.names[0].startsWith("tsne.") ? ofMap : ofCloud }, buffers };
    }
    throw new CallError("offline", "A report holds points only: zscope explore shows what lies behind them.");
  }

  column(name) {
    const found = this.buffers[name];
    if (!found) throw new CallError("offline", `The report does not hold ${name.replace("null:", "the null's ")}.`);
    return found;
  }
}
