/** @import { FileResult, JobEvents } from "../events.ts" */
/** @import { Client } from "./open-source.js" */
import { LossEvent, ResilientEventSource } from "@holdfast/client";
import { ClientPanel } from "./client-panel.js";
import { NAMES, openSource } from "./open-source.js";

/** Lines that a list shows at most. */
const LINES = 10;

/**
 * Keeps count of a stream's events by the numbers in their ids, which run from 1 without a gap: whatever is missed
 * or comes twice shows.
 */
class Ledger {
  received = 0;
  missed = 0;
  doubled = 0;
  /** @type {number | undefined} How many events there were; known when the stream has ended. */
  total;
  /** @type {{ kind: "live" | "replayed" | "missed", events: number }[]} How they came, in order. */
  runs = [];
  #next = 1;

  /** @param {number} seq @param {"live" | "replayed"} kind */
  take(seq, kind) {
    if (seq < this.#next) {
      this.doubled++;
      return;
    }
    this.skipTo(seq);
    this.received++;
    this.#next = seq + 1;
    this.#run(kind, 1);
  }

  /** Whatever has not come before `seq` will not come. @param {number} seq */
  skipTo(seq) {
    const gap = seq - this.#next;
    if (gap <= 0) return;
    this.missed += gap;
    this.#next = seq;
    this.#run("missed", gap);
  }

  /** @param {number} seq the number of the terminal record, which stands behind the last event */
  end(seq) {
    this.skipTo(seq);
    this.total = seq - 1;
  }

  get isWhole() {
    return this.missed === 0 && this.doubled === 0;
  }

  toString() {
    const { received, missed, doubled, total } = this;
    const events =
      total === undefined ? count(received, "event") : `${format(received)} of ${count(total, "event")}`;
    return `${events}, ${format(missed)} missed, ${format(doubled)} doubled`;
  }

  /** @param {"live" | "replayed" | "missed"} kind @param {number} events */
  #run(kind, events) {
    const last = this.runs.at(-1);
    if (last?.kind === kind) last.events += events;
    else this.runs.push({ kind, events });
  }
}

/** What a reader knows of the job, from the events that it received and nothing else. */
class Findings {
  files = 0;
  errors = 0;
  bytes = 0;
  rate = 0;
  listing = true;
  total = 0;
  /** @type {JobEvents["done"] | undefined} */
  done;
  /** @type {FileResult[]} The newest first. */
  latest = [];
  /** @type {FileResult[]} */
  failures = [];
  /** What the digest is made of, in the order in which it came. */
  #digested = /** @type {string[]} */ ([]);

  /** @param {JobEvents["progress"]} progress */
  progress({ phase, total, filesPerSecond }) {
    this.listing = phase === "listing";
    this.total = total;
    this.rate = filesPerSecond;
  }

  /** @param {JobEvents["file"]} batch */
  file({ files }) {
    for (const file of files) {
      if ("error" in file) {
        this.errors++;
        if (this.failures.length < 100) this.failures.push(file);
      } else {
        this.files++;
        this.bytes += file.size;
        this.#digested.push(`${file.sha256}  ${file.path}\0`);
      }
    }
    this.latest = [...files.toReversed(), ...this.latest].slice(0, LINES);
  }

  /** @param {JobEvents["done"]} done */
  end(done) {
    this.done = done;
    this.listing = false;
    this.total = done.files + done.errors;
    this.rate = done.filesPerSecond;
    // When nothing came before it, its word is all there is.
    if (this.files + this.errors === 0)
      ({ files: this.files, errors: this.errors, bytes: this.bytes } = done);
  }

  /** The digest of what came. One event too many, too few or in another order, and it is not the job's. */
  async digest() {
    const text = new TextEncoder().encode(this.#digested.join(""));
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", text));
    return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }
}

/** One reader of a job: a connection, what came over it, and its panel on the page. */
class Reader {
  /** @type {HTMLElement} */
  panel;
  /** @type {string} */
  state = "";
  #url;
  #client;
  #clientPanel;
  #onState;
  #ledger = new Ledger();
  #findings = new Findings();
  /** @type {EventSource | undefined} */
  #source;
  #lastEventId = "";
  #replaying = false;
  /** @type {{ time: string, text: string }[]} The newest first. */
  #log = [];
  /** @type {"open" | "right" | "wrong"} */
  #proof = "open";
  #verdict = "";
  #paintIsDue = false;

  /**
   * @param {string} title
   * @param {string} jobId
   * @param {Client} client
   * @param {() => void} onState called whenever `state` has changed
   */
  constructor(title, jobId, client, onState) {
    this.#client = client;
    this.#url = `/jobs/${encodeURIComponent(jobId)}/stream`;
    this.#onState = onState;
    const template = /** @type {HTMLTemplateElement} */ (byId("reader"));
    const content = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    this.panel = /** @type {HTMLElement} */ (content.firstElementChild);
    this.panel.setAttribute("aria-label", title);
    this.#show("title", title);
    this.#part("toggle").addEventListener("click", () => {
      if (this.#source === undefined) this.connect();
      else this.cut();
    });
    this.#clientPanel = new ClientPanel(this.#part("client"), () => this.hurry());
  }

  /** Connects where it stands. */
  connect() {
    const cursor = this.#lastEventId;
    const name = NAMES[this.#client];
    this.#note(`${name} connects, ${cursor === "" ? "from the first event" : `lastEventId=${cursor}`}`);
    this.#become("connecting");
    const source = openSource(this.#client, this.#url, cursor);
    this.#source = source;
    this.#clientPanel.watch(source);
    source.addEventListener("error", (event) => this.#onConnectionError(source.readyState, event));

    /** @param {string} name @param {(data: any, seq: number) => void} listener */
    const on = (name, listener) =>
      source.addEventListener(name, ({ data, lastEventId }) => {
        if (lastEventId !== "") this.#lastEventId = lastEventId;
        listener(JSON.parse(data), Number(lastEventId.split(".")[1]));
        this.#paint();
      });
    /** @param {keyof JobEvents} name @param {(data: any) => void} listener */
    const onEvent = (name, listener) =>
      on(name, (data, seq) => {
        this.#ledger.take(seq, this.#replaying ? "replayed" : "live");
        listener(data);
      });

    onEvent("progress", (data) => this.#findings.progress(data));
    onEvent("file", (data) => this.#findings.file(data));
    onEvent("done", (data) => this.#findings.end(data));

    on("stream.open", (data) => this.#onOpen(data));
    on("stream.live", () => {
      this.#replaying = false;
      this.#note("live");
      this.#become("live");
    });
    on("stream.reset", (data, seq) => this.#onReset(data, seq));
    on("stream.error", ({ code, message }) => this.#note(`error ${code}: ${message}`));
    on("stream.drain", ({ reason }) => {
      this.#note(`sent away (${reason}), to come back later`);
      this.#become("reconnecting");
    });
    on("stream.end", ({ status }, seq) => void this.#onEnd(status, seq));
  }

  /** Goes on with this client where the one before stands; who is cut stays so. @param {Client} client */
  use(client) {
    this.#client = client;
    if (this.#source === undefined) return;
    this.#close();
    this.connect();
  }

  /** Has its client connect anew, now. */
  hurry() {
    if (!(this.#source instanceof ResilientEventSource)) return;
    this.#note("asked to reconnect now");
    this.#become("connecting");
    this.#source.reconnect();
  }

  get hasEnded() {
    return this.state.startsWith("ended");
  }

  /** Closes the connection. The job goes on. */
  cut() {
    this.#close();
    this.#note(`cut here, at event ${this.#lastEventId || "none"}`);
    this.#become("cut");
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

  /** @param {{ state: "waiting" | "live" | "ended", first: number | null, last: number | null }} open */
  #onOpen({ state, first, last }) {
    this.#replaying = true;
    this.#become(state === "waiting" ? "waiting" : "replaying");
    if (state === "waiting") this.#note("open; there is no such job yet");
    else if (last === 0) this.#note("open; no events yet");
    else this.#note(`open; the server holds ${first} to ${last}`);
  }

  /** @param {{ reason: string, lost: [number, number] | null }} reset @param {number} seq */
  #onReset({ reason, lost }, seq) {
    if (lost === null) {
      this.#note(`reset (${reason}): starting over`);
      this.#ledger = new Ledger();
      this.#findings = new Findings();
    } else {
      this.#note(`reset (${reason}): events ${lost[0]} to ${lost[1]} are lost`);
    }
    this.#ledger.skipTo(seq + 1);
  }

  /** @param {string} status @param {number} seq */
  async #onEnd(status, seq) {
    // An `EventSource` would come back once more, to be told by a 204. The other has understood.
    if (this.#source instanceof EventSource) this.#source.close();
    this.#source = undefined;
    this.#ledger.end(seq);
    this.#note(`end: ${status}`);
    this.#become(`ended: ${status}`);
    await this.#judge(status);
    this.#paint();
  }

  /** Compares what came with what the job says of itself. @param {string} status */
  async #judge(status) {
    const { done, files, errors } = this.#findings;
    const { received, total, isWhole } = this.#ledger;
    if (!isWhole) {
      this.#proof = "wrong";
      this.#verdict = "Not everything has come, or not once.";
    } else if (done === undefined) {
      this.#proof = "right";
      this.#verdict = `The job was ${status} before it was done; what it told has come.`;
    } else if (total === 1) {
      this.#verdict = "The job's events are no longer held; this is its result.";
    } else if (done.events !== total || done.files !== files || done.errors !== errors) {
      this.#proof = "wrong";
      this.#verdict = `The job says it told ${count(done.events, "event")} of ${count(done.files, "file")}.`;
    } else if ((await this.#findings.digest()) !== done.digest) {
      this.#proof = "wrong";
      this.#verdict = "The hashes that came give another digest.";
    } else {
      this.#proof = "right";
      this.#verdict = `The job counts ${format(received)} as well, and the hashes of ${count(files, "file")} that came give its digest.`;
    }
  }

  /** @param {number} readyState @param {Event} event */
  #onConnectionError(readyState, event) {
    if (this.#source === undefined) return;
    const name = NAMES[this.#client];
    const why = event instanceof LossEvent ? ` (${event.reason})` : "";
    if (readyState === EventSource.CLOSED) {
      this.#close();
      this.#note(`${name} has given up${why}`);
      this.#become("given up");
    } else if (this.state !== "reconnecting") {
      this.#note(`connection lost${why}; ${name} comes back by itself`);
      this.#become("reconnecting");
    }
  }

  /** @param {string} state */
  #become(state) {
    this.state = state;
    this.#onState();
    this.#paint();
  }

  /** @param {string} text */
  #note(text) {
    this.#log = [{ time: clock.format(new Date()), text }, ...this.#log].slice(0, LINES);
    this.#paint();
  }

  /** Events come in bursts; the page is painted once a frame. */
  #paint() {
    if (this.#paintIsDue) return;
    this.#paintIsDue = true;
    requestAnimationFrame(() => {
      this.#paintIsDue = false;
      this.#paintConnection();
      this.#paintJob();
      this.#paintProof();
    });
  }

  #paintConnection() {
    this.#show("state", this.state).dataset["state"] = this.state;
    const toggle = this.#show("toggle", this.#source === undefined ? "Reconnect" : "Cut the connection");
    toggle.hidden = this.hasEnded;
    this.#show("lastEventId", this.#lastEventId || "not yet");
    this.#part("log").replaceChildren(...this.#log.map(({ time, text }) => line(time, text)));
  }

  #paintJob() {
    const { files, errors, bytes, rate, listing, total, done, latest, failures } = this.#findings;
    const part = total === 0 ? 0 : (files + errors) / total;
    const bar = /** @type {HTMLProgressElement} */ (this.#part("bar"));
    if (listing && this.state === "live") bar.removeAttribute("value");
    else bar.value = done === undefined ? part : 1;
    this.#show(
      "doing",
      listing ? `${count(total, "file")} found` : `${format(files + errors)} of ${count(total, "file")}`,
    );
    this.#show("percent", listing ? "" : `${Math.floor((done === undefined ? part : 1) * 100)} %`);

    this.#show("rate", format(rate));
    this.#show("bytes", formatBytes(bytes));
    this.#show("errors", format(errors)).classList.toggle("bad", errors > 0);
    this.#show("digest", done?.digest ?? (this.hasEnded ? "none" : "not yet"));
    this.#part("lines").replaceChildren(...latest.map(fileLine));

    const details = this.#part("failures");
    details.hidden = failures.length === 0;
    this.#show("failureCount", `${count(errors, "file")} could not be read`);
    if (this.#part("failureLines").childElementCount !== failures.length) {
      this.#part("failureLines").replaceChildren(...failures.map(fileLine));
    }
  }

  #paintProof() {
    const ledger = this.#ledger;
    this.#part("proof").dataset["proof"] = ledger.isWhole ? this.#proof : "wrong";
    this.#show("count", String(ledger));
    this.#show("verdict", this.#verdict);
    this.#part("runs").replaceChildren(
      ...ledger.runs.map(({ kind, events }) => {
        const run = document.createElement("span");
        run.dataset["kind"] = kind;
        run.style.flexGrow = String(events);
        return run;
      }),
    );
    const sum = (/** @type {string} */ kind) =>
      ledger.runs.reduce((events, run) => events + (run.kind === kind ? run.events : 0), 0);
    this.#show("live", format(sum("live")));
    this.#show("replayed", format(sum("replayed")));
    this.#show("missed", format(ledger.missed));
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
const oneDigit = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat("en", { timeStyle: "medium", hourCycle: "h23" });

/** @param {number} value */
function format(value) {
  return numbers.format(value);
}

/** @param {number} value @param {string} noun */
function count(value, noun) {
  return `${format(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** @param {number} value */
function formatBytes(value) {
  const step = value < 1_000 ? 0 : Math.floor(Math.log10(value) / 3);
  return `${oneDigit.format(value / 1_000 ** step)} ${["B", "kB", "MB", "GB", "TB"][step]}`;
}

/** @param {string} lead @param {string} text */
function line(lead, text) {
  const item = document.createElement("li");
  const [first, rest, whole] = [
    document.createElement("b"),
    document.createElement("span"),
    document.createElement("bdi"),
  ];
  first.textContent = lead;
  whole.textContent = text;
  rest.append(whole);
  item.append(first, rest);
  return item;
}

/** @param {FileResult} file */
function fileLine(file) {
  const failed = "error" in file;
  const item = line(failed ? file.error : file.sha256.slice(0, 8), file.path);
  item.classList.toggle("bad", failed);
  return item;
}

/** @param {string} id */
function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

const cancel = /** @type {HTMLButtonElement} */ (byId("cancel"));
const second = /** @type {HTMLButtonElement} */ (byId("second"));
const start = /** @type {HTMLButtonElement} */ (byId("start"));

/** @type {string | null} */
let jobId = null;
/** @type {Client} */
let client = "holdfast";
/** @type {Reader[]} */
let readers = [];

/** Shows the job that the address names, with the client that it names. */
function showJob() {
  for (const reader of readers) reader.remove();
  readers = [];
  const query = new URLSearchParams(location.search);
  jobId = query.get("job");
  client = asClient(query.get("client"));
  /** @type {HTMLInputElement} */ (byId("client").querySelector(`[value=${client}]`)).checked = true;
  if (jobId !== null) addReader("Reader");
  showControls();
}

/** @param {string | null} name @returns {Client} */
function asClient(name) {
  return name === "native" ? "native" : "holdfast";
}

/** Where a job is shown with a client. @param {string | null} job @param {Client} by */
function addressOf(job, by) {
  const query = new URLSearchParams({
    ...(job !== null && { job }),
    ...(by !== "holdfast" && { client: by }),
  });
  return query.size === 0 ? location.pathname : `?${query}`;
}

/** @param {string} title */
function addReader(title) {
  if (jobId === null) return;
  const reader = new Reader(title, jobId, client, showControls);
  readers.push(reader);
  byId("readers").append(reader.panel);
  reader.connect();
}

function showControls() {
  cancel.disabled = jobId === null || readers.some(({ hasEnded }) => hasEnded);
  second.disabled = jobId === null;
  byId("hints").hidden = jobId !== null;
  second.textContent = readers.length > 1 ? "Close the second reader" : "Open a second reader";
}

/** @param {string} path @param {RequestInit} request @returns {Promise<Response | undefined>} */
async function ask(path, request) {
  byId("refusal").textContent = "";
  const response = await fetch(path, request).catch(() => undefined);
  if (response?.ok) return response;
  const { error } = response === undefined ? { error: "the server does not answer" } : await response.json();
  byId("refusal").textContent = error;
  return undefined;
}

async function startJob() {
  const path = /** @type {HTMLInputElement} */ (byId("path")).value.trim();
  const filesPerSecond = Number(/** @type {HTMLSelectElement} */ (byId("pace")).value);
  start.disabled = true;
  const response = await ask("/jobs", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ path, ...(filesPerSecond > 0 && { filesPerSecond }) }),
  });
  start.disabled = false;
  if (response === undefined) return;
  const { id } = await response.json();
  history.pushState(null, "", addressOf(id, client));
  showJob();
}

byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  void startJob();
});

byId("client").addEventListener("change", ({ target }) => {
  client = asClient(/** @type {HTMLInputElement} */ (target).value);
  history.replaceState(null, "", addressOf(jobId, client));
  for (const reader of readers) reader.use(client);
});

cancel.addEventListener("click", () => void ask(`/jobs/${jobId}`, { method: "DELETE" }));

second.addEventListener("click", () => {
  if (readers.length > 1) readers.pop()?.remove();
  else addReader("Second reader");
  showControls();
});

addEventListener("popstate", showJob);
showJob();
