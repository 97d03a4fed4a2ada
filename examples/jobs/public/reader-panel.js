/** @import { FileResult } from "../events.ts" */
/** @import { JobState } from "./job-state.js" */
/** @import { SequenceCheck } from "./sequence-check.js" */
import { count, format, formatBytes } from "./format.js";

/**
 * What a panel shows of its reader.
 *
 * @typedef {object} ReaderView
 * @property {string} state
 * @property {boolean} isConnected
 * @property {boolean} hasEnded
 * @property {string} lastEventId
 * @property {readonly { time: string, text: string }[]} log
 * @property {JobState} job
 * @property {SequenceCheck} sequence
 * @property {"open" | "right" | "wrong"} proof
 * @property {string} verdict
 */

/** The panel of one reader on the page. */
export class ReaderPanel {
  /** @type {HTMLElement} */
  root;

  /** @param {string} title @param {() => void} onToggle called when the user cuts the connection or reconnects */
  constructor(title, onToggle) {
    const template = /** @type {HTMLTemplateElement} */ (document.getElementById("reader"));
    const content = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    this.root = /** @type {HTMLElement} */ (content.firstElementChild);
    this.root.setAttribute("aria-label", title);
    this.#show("title", title);
    this.part("toggle").addEventListener("click", onToggle);
  }

  /** @param {string} name @returns {HTMLElement} */
  part(name) {
    return /** @type {HTMLElement} */ (this.root.querySelector(`[data-name="${name}"]`));
  }

  /** @param {ReaderView} view */
  paint(view) {
    this.#paintConnection(view);
    this.#paintJob(view);
    this.#paintProof(view);
  }

  /** @param {ReaderView} view */
  #paintConnection({ state, isConnected, hasEnded, lastEventId, log }) {
    this.#show("state", state).dataset["state"] = state;
    this.#show("toggle", isConnected ? "Cut the connection" : "Reconnect").hidden = hasEnded;
    this.#show("lastEventId", lastEventId || "not yet");
    this.part("log").replaceChildren(...log.map(({ time, text }) => line(time, text)));
  }

  /** @param {ReaderView} view */
  #paintJob({ state, hasEnded, job }) {
    const { files, errors, bytes, rate, listing, total, done, latest, failures } = job;
    const part = total === 0 ? 0 : (files + errors) / total;
    const bar = /** @type {HTMLProgressElement} */ (this.part("bar"));
    if (listing && state === "live") bar.removeAttribute("value");
    else bar.value = done === undefined ? part : 1;
    this.#show(
      "progress",
      listing ? `${count(total, "file")} found` : `${format(files + errors)} of ${count(total, "file")}`,
    );
    this.#show("percent", listing ? "" : `${Math.floor((done === undefined ? part : 1) * 100)} %`);

    this.#show("rate", format(rate));
    this.#show("bytes", formatBytes(bytes));
    this.#show("errors", format(errors)).classList.toggle("bad", errors > 0);
    this.#show("digest", done?.digest ?? (hasEnded ? "none" : "not yet"));
    this.part("lines").replaceChildren(...latest.map(fileLine));

    this.part("failures").hidden = failures.length === 0;
    this.#show("failureCount", `${count(errors, "file")} could not be read`);
    if (this.part("failureLines").childElementCount !== failures.length) {
      this.part("failureLines").replaceChildren(...failures.map(fileLine));
    }
  }

  /** @param {ReaderView} view */
  #paintProof({ sequence, proof, verdict }) {
    this.part("proof").dataset["proof"] = sequence.isComplete ? proof : "wrong";
    this.#show("count", String(sequence));
    this.#show("verdict", verdict);
    this.part("runs").replaceChildren(
      ...sequence.runs.map(({ kind, events }) => {
        const run = document.createElement("span");
        run.dataset["kind"] = kind;
        run.style.flexGrow = String(events);
        return run;
      }),
    );
    const sum = (/** @type {string} */ kind) =>
      sequence.runs.reduce((events, run) => events + (run.kind === kind ? run.events : 0), 0);
    this.#show("live", format(sum("live")));
    this.#show("replayed", format(sum("replayed")));
    this.#show("missed", format(sequence.missed));
  }

  /** @param {string} name @param {string} text */
  #show(name, text) {
    const part = this.part(name);
    // Written only when it changes, so that a screen reader announces it once.
    if (part.textContent !== text) part.textContent = text;
    return part;
  }
}

/** @param {string} lead @param {string} text */
function line(lead, text) {
  const item = document.createElement("li");
  const [first, rest, isolated] = [
    document.createElement("b"),
    document.createElement("span"),
    document.createElement("bdi"),
  ];
  first.textContent = lead;
  isolated.textContent = text;
  rest.append(isolated);
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
