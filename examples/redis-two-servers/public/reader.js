/** @import { ConnectionState } from "@holdfast/client" */
import { ResilientEventSource } from "@holdfast/client";
import { format, Ledger } from "./ledger.js";

/** Lines that the log shows at most. */
const LINES = 6;

const clock = new Intl.DateTimeFormat("en", { timeStyle: "medium", hourCycle: "h23" });

/** Follows a job through one server, and shows what came. */
export class Reader {
  #panel;
  #onState;
  /** @type {ResilientEventSource | undefined} */
  #source;
  #state = "no job";
  #verdict = "";
  #steps = 0;
  #of = 0;
  #ledger = new Ledger();
  /** @type {{ time: string, text: string }[]} The newest first. */
  #log = [];
  #paintIsDue = false;

  /**
   * @param {HTMLElement} panel
   * @param {() => void} onState called whenever `isOver` may have changed
   */
  constructor(panel, onState) {
    this.#panel = panel;
    this.#onState = onState;
    this.#paint();
  }

  /** Whether there is nothing to cancel. */
  get isOver() {
    return this.#state === "no job" || this.#state.startsWith("ended");
  }

  /** Follows this job from its first event. @param {string} url */
  follow(url) {
    this.#source?.close();
    this.#ledger = new Ledger();
    this.#log = [];
    this.#verdict = "";
    this.#steps = this.#of = 0;
    // A server that is started again is found within two seconds.
    const source = new ResilientEventSource(url, { backoff: { base: 500, cap: 2_000 } });
    this.#source = source;
    source.subscribe((state) => this.#hear(state));
    this.#hear(source.state);

    /** @param {string} name @param {(data: any, seq: number) => void} listener */
    const on = (name, listener) =>
      source.addEventListener(name, ({ data, lastEventId }) => {
        listener(JSON.parse(data), Number(lastEventId.split(".")[1]));
        this.#paint();
      });
    on("step", ({ step, of }, seq) => {
      this.#ledger.take(seq, step);
      this.#steps = step;
      this.#of = of;
    });
    on("done", ({ steps }, seq) => this.#ledger.take(seq, steps + 1));
    on("stream.open", ({ state, first, last }) => {
      if (state === "waiting") this.#note("open; there is no such job yet");
      else this.#note(last === 0 ? "open; no events yet" : `open; events ${first} to ${last} are held`);
    });
    on("stream.reset", ({ reason, lost }, seq) => this.#reset(reason, lost, seq));
    on("stream.error", ({ code, message }) => this.#note(`error ${code}: ${message}`));
    on("stream.end", ({ status }, seq) => this.#end(status, seq));
  }

  /** @param {ConnectionState} state */
  #hear(state) {
    if (this.#state.startsWith("ended") && state.status === "closed") return;
    if (state.status === "retrying" && this.#state !== "retrying")
      this.#note(`connection lost (${state.reason})`);
    // It is one state for who watches, until it is back.
    if (state.status === "connecting" && this.#state === "retrying") return;
    if (state.status === "live") this.#note("live");
    this.#become(state.status === "closed" ? "given up" : state.status);
  }

  /** @param {string} reason @param {[number, number] | null} lost @param {number} seq */
  #reset(reason, lost, seq) {
    if (lost === null) {
      this.#note(`reset (${reason}): starting over`);
      this.#ledger = new Ledger();
    } else {
      this.#note(`reset (${reason}): events ${lost[0]} to ${lost[1]} are lost`);
    }
    if (!Number.isNaN(seq)) this.#ledger.skipTo(seq + 1);
  }

  /** @param {string} status @param {number} seq */
  #end(status, seq) {
    this.#ledger.end(seq);
    this.#note(`end: ${status}`);
    const whole = this.#ledger.isWhole
      ? "everything that it told has come"
      : "not everything has come, or not once";
    this.#verdict =
      {
        done: `The job is done; ${whole}.`,
        cancelled: `The job was cancelled; ${whole}.`,
        lost: `Its worker is gone; ${whole}.`,
      }[status] ?? `The job has ended as ${status}; ${whole}.`;
    this.#become(`ended: ${status}`);
  }

  /** @param {string} state */
  #become(state) {
    this.#state = state;
    this.#onState();
    this.#paint();
  }

  /** @param {string} text */
  #note(text) {
    this.#log = [{ time: clock.format(new Date()), text }, ...this.#log].slice(0, LINES);
  }

  /** Events come in bursts; the page is painted once a frame. */
  #paint() {
    if (this.#paintIsDue) return;
    this.#paintIsDue = true;
    requestAnimationFrame(() => {
      this.#paintIsDue = false;
      this.#show("state", this.#state).dataset["state"] = this.#state;
      const part = this.#of === 0 ? 0 : this.#steps / this.#of;
      /** @type {HTMLProgressElement} */ (this.#part("bar")).value = part;
      this.#show(
        "steps",
        this.#of === 0 ? "No steps yet" : `${format(this.#steps)} of ${format(this.#of)} steps`,
      );
      this.#show("percent", `${Math.floor(part * 100)} %`);
      this.#show("count", String(this.#ledger));
      this.#show("verdict", this.#verdict);
      this.#show("lastEventId", this.#source?.lastEventId || "none");
      const { isWhole, total } = this.#ledger;
      this.#part("proof").dataset["proof"] = isWhole ? (total === undefined ? "open" : "right") : "wrong";
      this.#part("log").replaceChildren(...this.#log.map(line));
    });
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
    return /** @type {HTMLElement} */ (this.#panel.querySelector(`[data-name="${name}"]`));
  }
}

/** @param {{ time: string, text: string }} entry */
function line({ time, text }) {
  const item = document.createElement("li");
  const [lead, rest] = [document.createElement("b"), document.createElement("span")];
  lead.textContent = time;
  rest.textContent = text;
  item.append(lead, rest);
  return item;
}
