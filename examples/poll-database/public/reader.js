/** @import { JobEvents } from "../events.ts" */
import { count, format, timeNow } from "./format.js";

/** Number of lines in the log. */
const LOG_LINES = 14;

/** One reader of a job: a connection, what arrived over it, and its panel on the page. */
export class Reader {
  /** @type {HTMLElement} */
  panel;
  #url;
  /** @type {EventSource | undefined} */
  #source;
  #state = "";
  #lastEventId = "";
  #ended = false;
  /** The number of the next event. The numbers start at 1 and have no gaps. */
  #next = 1;
  #missed = 0;
  #doubled = 0;
  /** @type {JobEvents["slice"] | undefined} */
  #slice;
  /** Sum of the primes in the received slices. */
  #primes = 0;
  /** @type {"open" | "right" | "wrong"} */
  #proof = "open";
  #verdict = "";
  /** @type {{ time: string, text: string, bad: boolean }[]} The newest first. */
  #log = [];

  /** @param {string} title @param {string} jobId */
  constructor(title, jobId) {
    this.#url = `/jobs/${encodeURIComponent(jobId)}/stream`;
    const template = /** @type {HTMLTemplateElement} */ (document.getElementById("reader"));
    const content = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    this.panel = /** @type {HTMLElement} */ (content.firstElementChild);
    this.panel.setAttribute("aria-label", title);
    this.#show("title", title);
    this.#part("toggle").addEventListener("click", () => {
      if (this.#source === undefined) this.connect();
      else this.cut();
    });
  }

  /** Connects. A new `EventSource` cannot set `Last-Event-ID`, so it sends its cursor in the query. */
  connect() {
    const cursor = this.#lastEventId;
    this.#setState("connecting", cursor === "" ? "connecting" : `connecting, lastEventId=${cursor}`);
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
    on("stream.live", () => this.#setState("live", "live"));
    on("stream.reset", ({ reason }) => this.#onReset(reason));
    on("stream.error", (error) => this.#onError(error));
    on("stream.drain", ({ reason }) => this.#addLog(`drained (${reason}); will reconnect later`));
    on("stream.end", ({ status }) => this.#onEnd(status));
  }

  /** Closes the connection. The job continues. */
  cut() {
    this.#close();
    this.#setState("cut", "connection cut");
  }

  /** Closes the connection and removes the reader from the page. */
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
    if (!this.#isNew(seq)) return;
    this.#slice = slice;
    this.#primes += slice.primes;
  }

  /** @param {JobEvents["done"]} done @param {number} seq */
  #onDone({ primes }, seq) {
    if (!this.#isNew(seq)) return;
    const right = primes === this.#primes && this.#missed + this.#doubled === 0;
    this.#proof = right ? "right" : "wrong";
    this.#verdict = right
      ? `The received slices add up to ${format(primes)} primes, the same number as the job's.`
      : `The received slices add up to ${format(this.#primes)} primes, but the job counted ${format(primes)}.`;
  }

  /** Counts an event as new, doubled or following a gap. Returns whether it is new. @param {number} seq */
  #isNew(seq) {
    if (this.#state !== "live" && this.#state !== "replaying") {
      this.#setState("live", "the stream continues");
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
    if (state === "waiting") this.#setState("waiting", "open; the job cannot be looked up yet");
    else if (last === 0) this.#setState("replaying", "open; no events yet");
    else this.#setState("replaying", `open; the stream is ${state} and has events ${first} to ${last}`);
  }

  /** @param {string} reason */
  #onReset(reason) {
    this.#addLog(`reset (${reason}): starting over`);
    this.#next = 1;
    this.#missed = this.#doubled = this.#primes = 0;
    this.#slice = undefined;
  }

  /** @param {{ code: string, message: string, retryable: boolean, retryAfter?: number }} error */
  #onError({ code, message, retryable, retryAfter }) {
    const delay = retryAfter === undefined ? "" : ` (retryAfter ${format(retryAfter)} ms)`;
    this.#addLog(`error ${code}: ${message}${delay}`, true);
    if (retryable) this.#setState("server retrying");
  }

  /** @param {string} status */
  #onEnd(status) {
    this.#close();
    this.#ended = true;
    if (status !== "done") this.#verdict = `The stream ended as ${status}; all events before that arrived.`;
    this.#setState(`ended: ${status}`, `end: ${status}`);
  }

  /** @param {number} readyState */
  #onConnectionError(readyState) {
    if (this.#source === undefined) return;
    if (readyState === EventSource.CLOSED) {
      this.#close();
      this.#setState("refused", "refused; EventSource has given up");
    } else if (this.#state !== "reconnecting") {
      this.#setState("reconnecting", "connection lost; EventSource reconnects");
    }
  }

  /** @param {string} state @param {string} [text] a line for the log */
  #setState(state, text) {
    this.#state = state;
    if (text !== undefined) this.#addLog(text);
    this.#paint();
  }

  /** @param {string} text @param {boolean} [bad] */
  #addLog(text, bad = false) {
    this.#log = [{ time: timeNow(), text, bad }, ...this.#log].slice(0, LOG_LINES);
    this.#paint();
  }

  #paint() {
    const { slice = 0, of = 0, to = 0 } = this.#slice ?? {};
    this.#show("state", this.#state).dataset["state"] = this.#state;
    this.#show("toggle", this.#source === undefined ? "Reconnect" : "Cut the connection").hidden =
      this.#ended;
    this.#show("progress", slice === 0 ? "No slices yet" : `${format(slice)} of ${count(of, "slice")}`);
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
    // Written only when it changes, so that a screen reader announces it once.
    if (part.textContent !== text) part.textContent = text;
    return part;
  }

  /** @param {string} name */
  #part(name) {
    return /** @type {HTMLElement} */ (this.panel.querySelector(`[data-name="${name}"]`));
  }
}

/** @param {{ time: string, text: string, bad: boolean }} entry */
function line({ time, text, bad }) {
  const item = document.createElement("li");
  const [first, rest] = [document.createElement("b"), document.createElement("span")];
  first.textContent = time;
  rest.textContent = text;
  item.classList.toggle("bad", bad);
  item.append(first, rest);
  return item;
}
