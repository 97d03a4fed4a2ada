/** @import { ConnectionState } from "@holdfast/client" */
/** @import { SequenceCheck } from "./sequence-check.js" */
import { partOf } from "./machine-panel.js";

/** Number of lines in the log. */
const LOG_LINES = 6;

const clock = new Intl.DateTimeFormat("en", { timeStyle: "medium", hourCycle: "h23" });

/** What a reader shows: the state of its connection, whether every event arrived once, and a log. */
export class ReaderView {
  #panel;
  #paint;
  #onState;
  /** @type {{ time: string, text: string }[]} The newest first. */
  #log = [];
  #isPaintScheduled = false;
  #state;

  /**
   * @param {HTMLElement} panel
   * @param {{ state: string, onPaint: () => void, onState?: () => void }} options `state`: the first one; `onPaint` shows
   *   what else the panel has; `onState` is called after each change of the state
   */
  constructor(panel, { state, onPaint, onState }) {
    this.#panel = panel;
    this.#paint = onPaint;
    this.#onState = onState;
    this.#state = state;
    this.schedulePaint();
  }

  get state() {
    return this.#state;
  }

  set state(state) {
    this.#state = state;
    this.#onState?.();
    this.schedulePaint();
  }

  /** Takes over the state of a client. @param {ConnectionState} state */
  showClient(state) {
    if (state.status === "retrying" && this.#state !== "retrying")
      this.addLog(`connection lost (${state.reason})`);
    // Attempts alternate between `connecting` and `retrying`; the page shows them as one state.
    if (state.status === "connecting" && this.#state === "retrying") return;
    if (state.status === "live") this.addLog("live");
    this.state = state.status === "closed" ? "given up" : state.status;
  }

  /** @param {string} text */
  addLog(text) {
    this.#log = [{ time: clock.format(new Date()), text }, ...this.#log].slice(0, LOG_LINES);
    this.schedulePaint();
  }

  clearLog() {
    this.#log = [];
  }

  /** Paints at most once per frame, because events arrive in bursts. */
  schedulePaint() {
    if (this.#isPaintScheduled) return;
    this.#isPaintScheduled = true;
    requestAnimationFrame(() => {
      this.#isPaintScheduled = false;
      this.show("state", this.#state).dataset["state"] = this.#state;
      this.#paint();
      this.part("log").replaceChildren(...this.#log.map(line));
    });
  }

  /** @param {SequenceCheck} sequence @param {string} count @param {string} verdict @param {string} lastEventId */
  showProof({ isComplete, isOver }, count, verdict, lastEventId) {
    this.show("count", count);
    this.show("verdict", verdict);
    this.show("lastEventId", lastEventId || "none");
    this.part("proof").dataset["proof"] = isComplete ? (isOver ? "right" : "open") : "wrong";
  }

  /** @param {string} name @param {string} text */
  show(name, text) {
    const part = this.part(name);
    // Written only when it changes, so that a screen reader announces it once.
    if (part.textContent !== text) part.textContent = text;
    return part;
  }

  /** @param {string} name */
  part(name) {
    return partOf(this.#panel, name);
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
