/** @import { ConnectionState } from "@holdfast/client" */
import { ResilientEventSource } from "@holdfast/client";
import { format, SequenceCheck } from "./sequence-check.js";

/** Number of lines in the log. */
const LOG_LINES = 6;

const clock = new Intl.DateTimeFormat("en", { timeStyle: "medium", hourCycle: "h23" });

/** Follows a job through one server, and shows what arrived. */
export class Reader {
  #panel;
  #onState;
  /** @type {ResilientEventSource | undefined} */
  #source;
  #state = "no job";
  #verdict = "";
  #steps = 0;
  #of = 0;
  #sequence = new SequenceCheck();
  /** @type {{ time: string, text: string }[]} The newest first. */
  #log = [];
  #paintScheduled = false;

  /**
   * @param {HTMLElement} panel
   * @param {() => void} onState called when `canCancel` may have changed
   */
  constructor(panel, onState) {
    this.#panel = panel;
    this.#onState = onState;
    this.#schedulePaint();
  }

  /** Whether there is a job that has not ended. */
  get canCancel() {
    return this.#state !== "no job" && !this.#state.startsWith("ended");
  }

  /** Follows this job from its first event. @param {string} url */
  follow(url) {
    this.#source?.close();
    this.#sequence = new SequenceCheck();
    this.#log = [];
    this.#verdict = "";
    this.#steps = this.#of = 0;
    // The client reconnects within two seconds after a server is started again.
    const source = new ResilientEventSource(url, { backoff: { base: 500, cap: 2_000 } });
    this.#source = source;
    source.subscribe((state) => this.#onClientState(state));
    this.#onClientState(source.state);

    /** @param {string} name @param {(data: any, seq: number) => void} listener */
    const on = (name, listener) =>
      source.addEventListener(name, ({ data, lastEventId }) => {
        listener(JSON.parse(data), Number(lastEventId.split(".")[1]));
        this.#schedulePaint();
      });
    on("step", ({ step, of }, seq) => {
      this.#sequence.add(seq, step);
      this.#steps = step;
      this.#of = of;
    });
    on("done", ({ steps }, seq) => this.#sequence.add(seq, steps + 1));
    on("stream.open", ({ state, first, last }) => {
      if (state === "waiting") this.#addLog("open; the job does not exist yet");
      else
        this.#addLog(last === 0 ? "open; no events yet" : `open; the server has events ${first} to ${last}`);
    });
    on("stream.reset", ({ reason, lost }, seq) => this.#onReset(reason, lost, seq));
    on("stream.error", ({ code, message }) => this.#addLog(`error ${code}: ${message}`));
    on("stream.end", ({ status }, seq) => this.#onEnd(status, seq));
  }

  /** @param {ConnectionState} state */
  #onClientState(state) {
    if (this.#state.startsWith("ended") && state.status === "closed") return;
    if (state.status === "retrying" && this.#state !== "retrying")
      this.#addLog(`connection lost (${state.reason})`);
    // Attempts alternate between `connecting` and `retrying`; the page shows them as one state.
    if (state.status === "connecting" && this.#state === "retrying") return;
    if (state.status === "live") this.#addLog("live");
    this.#setState(state.status === "closed" ? "given up" : state.status);
  }

  /** @param {string} reason @param {[number, number] | null} lost @param {number} seq */
  #onReset(reason, lost, seq) {
    if (lost === null) {
      this.#addLog(`reset (${reason}): starting over`);
      this.#sequence = new SequenceCheck();
    } else {
      this.#addLog(`reset (${reason}): events ${lost[0]} to ${lost[1]} are lost`);
    }
    if (!Number.isNaN(seq)) this.#sequence.skipTo(seq + 1);
  }

  /** @param {string} status @param {number} seq */
  #onEnd(status, seq) {
    this.#sequence.end(seq);
    this.#addLog(`end: ${status}`);
    const result = this.#sequence.isComplete
      ? "all of its events arrived"
      : "events are missing or came twice";
    this.#verdict =
      {
        done: `The job is done; ${result}.`,
        cancelled: `The job was cancelled; ${result}.`,
        lost: `The worker of the job died; ${result}.`,
      }[status] ?? `The job has ended as ${status}; ${result}.`;
    this.#setState(`ended: ${status}`);
  }

  /** @param {string} state */
  #setState(state) {
    this.#state = state;
    this.#onState();
    this.#schedulePaint();
  }

  /** @param {string} text */
  #addLog(text) {
    this.#log = [{ time: clock.format(new Date()), text }, ...this.#log].slice(0, LOG_LINES);
  }

  /** Paints at most once per frame, because events arrive in bursts. */
  #schedulePaint() {
    if (this.#paintScheduled) return;
    this.#paintScheduled = true;
    requestAnimationFrame(() => {
      this.#paintScheduled = false;
      this.#show("state", this.#state).dataset["state"] = this.#state;
      const part = this.#of === 0 ? 0 : this.#steps / this.#of;
      /** @type {HTMLProgressElement} */ (this.#part("bar")).value = part;
      this.#show(
        "steps",
        this.#of === 0 ? "No steps yet" : `${format(this.#steps)} of ${format(this.#of)} steps`,
      );
      this.#show("percent", `${Math.floor(part * 100)} %`);
      this.#show("count", String(this.#sequence));
      this.#show("verdict", this.#verdict);
      this.#show("lastEventId", this.#source?.lastEventId || "none");
      const { isComplete, total } = this.#sequence;
      this.#part("proof").dataset["proof"] = isComplete ? (total === undefined ? "open" : "right") : "wrong";
      this.#part("log").replaceChildren(...this.#log.map(line));
    });
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
