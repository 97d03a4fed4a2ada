/** @import { JobEvents } from "../events.ts" */

/** Lines that the log shows at most. */
const LINES = 14;

/** One reader of a job: a connection, what came over it, and its panel on the page. */
class Reader {
  /** @type {HTMLElement} */
  panel;
  #url;
  /** @type {EventSource | undefined} */
  #source;
  #state = "";
  #lastEventId = "";
  #ended = false;
  /** The number of the event that comes next; they run from 1 without a gap. */
  #next = 1;
  #missed = 0;
  #doubled = 0;
  /** @type {JobEvents["slice"] | undefined} */
  #slice;
  /** All primes of all slices that came. */
  #primes = 0;
  /** @type {"open" | "right" | "wrong"} */
  #proof = "open";
  #verdict = "";
  /** @type {{ time: string, text: string, bad: boolean }[]} The newest first. */
  #log = [];

  /** @param {string} title @param {string} jobId */
  constructor(title, jobId) {
    this.#url = `/jobs/${encodeURIComponent(jobId)}/stream`;
    const template = /** @type {HTMLTemplateElement} */ (byId("reader"));
    const content = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    this.panel = /** @type {HTMLElement} */ (content.firstElementChild);
    this.panel.setAttribute("aria-label", title);
    this.#show("title", title);
    this.#part("toggle").addEventListener("click", () => {
      if (this.#source === undefined) this.connect();
      else this.cut();
    });
  }

  /** A new `EventSource` cannot set `Last-Event-ID`, so it says by `?lastEventId=` where it stands. */
  connect() {
    const cursor = this.#lastEventId;
    this.#become("connecting", cursor === "" ? "connecting" : `connecting, lastEventId=${cursor}`);
    const source = new EventSource(cursor === "" ? this.#url : `${this.#url}?lastEventId=${cursor}`);
    this.#source = source;
    source.addEventListener("error", () => this.#onConnectionError(source.readyState));

    /** @param {string} name @param {(data: any, seq: number) => void} listener */
    const on = (name, listener) =>
      source.addEventListener(name, ({ data, lastEventId }) => {
        if (lastEventId !== "") this.#lastEventId = lastEventId;
        listener(JSON.parse(data), Number(lastEventId.split(".")[1]));
        this.#paint();
      });

    on("slice", (data, seq) => this.#onSlice(data, seq));
    on("done", (data, seq) => this.#onDone(data, seq));
    on("stream.open", (data) => this.#onOpen(data));
    on("stream.live", () => this.#become("live", "live"));
    on("stream.reset", ({ reason }) => this.#onReset(reason));
    on("stream.error", (error) => this.#onError(error));
    on("stream.drain", ({ reason }) => this.#note(`sent away (${reason}), to come back later`));
    on("stream.end", ({ status }) => this.#onEnd(status));
  }

  /** Closes the connection. The job goes on. */
  cut() {
    this.#close();
    this.#become("cut", "cut here");
  }

  /** Takes the reader away. */
  remove() {
    this.#close();
    this.panel.remove();
  }

  #close() {
    this.#source?.close();
    this.#source = undefined;
  }

  /** @param {JobEvents["slice"]} slice @param {number} seq */
  #onSlice(slice, seq) {
    if (!this.#take(seq)) return;
    this.#slice = slice;
    this.#primes += slice.primes;
  }

  /** @param {JobEvents["done"]} done @param {number} seq */
  #onDone({ primes }, seq) {
    if (!this.#take(seq)) return;
    const right = primes === this.#primes && this.#missed + this.#doubled === 0;
    this.#proof = right ? "right" : "wrong";
    this.#verdict = right
      ? `The slices that came add up to the ${format(primes)} primes that the job has counted.`
      : `The slices that came add up to ${format(this.#primes)} primes; the job has counted ${format(primes)}.`;
  }

  /** Whether the event is new. @param {number} seq */
  #take(seq) {
    if (this.#state !== "live" && this.#state !== "replaying") {
      this.#become("live", "it goes on");
    }
    if (seq < this.#next) {
      this.#doubled++;
      return false;
    }
    this.#missed += seq - this.#next;
    this.#next = seq + 1;
    return true;
  }

  /** @param {{ state: "waiting" | "live" | "ended", first: number | null, last: number | null }} open */
  #onOpen({ state, first, last }) {
    if (state === "waiting") this.#become("waiting", "open; the job cannot be looked up yet");
    else if (last === 0) this.#become("replaying", "open; nothing is read yet");
    else this.#become("replaying", `open; the stream is ${state} and holds ${first} to ${last}`);
  }

  /** @param {string} reason */
  #onReset(reason) {
    this.#note(`reset (${reason}): starting over`);
    this.#next = 1;
    this.#missed = this.#doubled = this.#primes = 0;
    this.#slice = undefined;
  }

  /** @param {{ code: string, message: string, retryable: boolean, retryAfter?: number }} error */
  #onError({ code, message, retryable, retryAfter }) {
    const guidance = retryAfter === undefined ? "" : ` (retryAfter ${format(retryAfter)} ms)`;
    this.#note(`error ${code}: ${message}${guidance}`, true);
    if (retryable) this.#become("in trouble");
  }

  /** @param {string} status */
  #onEnd(status) {
    this.#close();
    this.#ended = true;
    if (status !== "done") this.#verdict = `The stream ended as ${status}; what it told until then has come.`;
    this.#become(`ended: ${status}`, `end: ${status}`);
  }

  /** @param {number} readyState */
  #onConnectionError(readyState) {
    if (this.#source === undefined) return;
    if (readyState === EventSource.CLOSED) {
      this.#close();
      this.#become("refused", "refused; EventSource has given up");
    } else if (this.#state !== "reconnecting") {
      this.#become("reconnecting", "connection lost; EventSource comes back by itself");
    }
  }

  /** @param {string} state @param {string} [text] */
  #become(state, text) {
    this.#state = state;
    if (text !== undefined) this.#note(text);
    this.#paint();
  }

  /** @param {string} text @param {boolean} [bad] */
  #note(text, bad = false) {
    this.#log = [{ time: clock.format(new Date()), text, bad }, ...this.#log].slice(0, LINES);
    this.#paint();
  }

  #paint() {
    const { slice = 0, of = 0, to = 0 } = this.#slice ?? {};
    this.#show("state", this.#state).dataset["state"] = this.#state;
    this.#show("toggle", this.#source === undefined ? "Reconnect" : "Cut the connection").hidden =
      this.#ended;
    this.#show("doing", slice === 0 ? "Nothing counted yet" : `${format(slice)} of ${count(of, "slice")}`);
    this.#show("primes", slice === 0 ? "" : `${count(this.#primes, "prime")} below ${format(to)}`);
    /** @type {HTMLProgressElement} */ (this.#part("bar")).value = of === 0 ? 0 : slice / of;
    const events = this.#next - 1 - this.#missed;
    this.#part("proof").dataset["proof"] = this.#missed + this.#doubled === 0 ? this.#proof : "wrong";
    this.#show("count", `${count(events, "event")}, ${this.#missed} missed, ${this.#doubled} doubled`);
    this.#show("verdict", this.#verdict);
    this.#show("lastEventId", this.#lastEventId || "not yet");
    this.#part("log").replaceChildren(...this.#log.map(line));
  }

  /** @param {string} name @param {string} text */
  #show(name, text) {
    const part = this.#part(name);
    // Written only when it changes, so that a screen reader is told once.
    if (part.textContent !== text) part.textContent = text;
    return part;
  }

  /** @param {string} name */
  #part(name) {
    return /** @type {HTMLElement} */ (this.panel.querySelector(`[data-name="${name}"]`));
  }
}

const numbers = new Intl.NumberFormat("en");
const clock = new Intl.DateTimeFormat("en", { timeStyle: "medium", hourCycle: "h23" });

/** @param {number} value */
function format(value) {
  return numbers.format(value);
}

/** @param {number} value @param {string} noun */
function count(value, noun) {
  return `${format(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** @param {{ time: string, text: string, bad: boolean }} note */
function line({ time, text, bad }) {
  const item = document.createElement("li");
  const [first, rest] = [document.createElement("b"), document.createElement("span")];
  first.textContent = time;
  rest.textContent = text;
  item.classList.toggle("bad", bad);
  item.append(first, rest);
  return item;
}

/** @param {string} id */
function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

const [start, second, remove] = /** @type {[HTMLButtonElement, HTMLButtonElement, HTMLButtonElement]} */ (
  ["start", "second", "remove"].map(byId)
);
const switches = /** @type {HTMLInputElement[]} */ (["down", "slow"].map(byId));

/** @type {string | null} */
let jobId = null;
/** @type {Reader[]} */
let readers = [];

/** Shows the job that the address names. */
function showJob() {
  for (const reader of readers) reader.remove();
  readers = [];
  jobId = new URLSearchParams(location.search).get("job");
  second.disabled = remove.disabled = jobId === null;
  addReader("Reader");
}

/** @param {string} title */
function addReader(title) {
  if (jobId !== null) {
    const reader = new Reader(title, jobId);
    readers.push(reader);
    byId("readers").append(reader.panel);
    reader.connect();
  }
  second.textContent = readers.length > 1 ? "Close the second reader" : "Open a second reader";
}

/** @param {string} method @param {string} path @param {unknown} [body] @returns {Promise<Response | undefined>} */
async function ask(method, path, body) {
  byId("refusal").textContent = "";
  const response = await fetch(path, {
    method,
    ...(body !== undefined && {
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    }),
  }).catch(() => undefined);
  if (response?.ok) return response;
  const { error } = response === undefined ? { error: "the server does not answer" } : await response.json();
  byId("refusal").textContent = error;
  return undefined;
}

async function startJob() {
  start.disabled = true;
  const slices = Number(/** @type {HTMLSelectElement} */ (byId("slices")).value);
  const response = await ask("POST", "/jobs", { slices });
  start.disabled = false;
  if (response === undefined) return;
  const { id } = await response.json();
  history.pushState(null, "", `?job=${id}`);
  showJob();
}

/** @param {HTMLInputElement} input */
async function flip(input) {
  input.disabled = true;
  await ask("PUT", "/faults", { [input.id]: input.checked });
  input.disabled = false;
}

/** @param {any} stats @param {string} path */
function figure(stats, path) {
  const value = path.split(".").reduce((part, name) => part?.[name], stats);
  if (value === undefined || typeof value === "string") return value ?? "none";
  const parts = /** @type {number[]} */ (typeof value === "object" ? Object.values(value) : [value]);
  return format(parts.reduce((sum, part) => sum + part, 0));
}

/** Not a stream: a browser has six connections to a server, and this page may stand open twice. */
async function refresh() {
  if (!document.hidden) {
    const response = await fetch(`/jobs/${jobId ?? "none"}/stats`).catch(() => undefined);
    byId("stats").classList.toggle("stale", response === undefined);
    const stats = await response?.json();
    if (stats !== undefined) {
      for (const part of byId("stats").querySelectorAll("dd")) {
        part.textContent = figure(stats, part.dataset["figure"] ?? "");
      }
      for (const input of switches) if (!input.disabled) input.checked = stats.faults[input.id];
    }
  }
  setTimeout(() => void refresh(), 500);
}

byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  void startJob();
});

for (const input of switches) {
  input.addEventListener("change", () => void flip(input));
}

remove.addEventListener("click", () => void ask("DELETE", `/jobs/${jobId}`));

second.addEventListener("click", () => {
  if (readers.length === 1) return addReader("Second reader");
  readers.pop()?.remove();
  second.textContent = "Open a second reader";
});

addEventListener("popstate", showJob);
showJob();
void refresh();
