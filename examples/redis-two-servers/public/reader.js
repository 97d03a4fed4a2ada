import { ResilientEventSource } from "@holdfast/client";
import { ReaderView } from "../../common/page/reader-view.js";
import { format, SequenceCheck } from "../../common/page/sequence-check.js";

/** Follows a job through one server, and shows what arrived. */
export class Reader {
  #view;
  /** @type {ResilientEventSource | undefined} */
  #source;
  #verdict = "";
  #steps = 0;
  #of = 0;
  #sequence = new SequenceCheck();

  /**
   * @param {HTMLElement} panel
   * @param {() => void} onState called when `canCancel` may have changed
   */
  constructor(panel, onState) {
    this.#view = new ReaderView(panel, { state: "no job", onPaint: () => this.#paint(), onState });
  }

  /** Whether there is a job that has not ended. */
  get canCancel() {
    return this.#view.state !== "no job" && !this.#hasEnded;
  }

  get #hasEnded() {
    return this.#view.state.startsWith("ended");
  }

  /** Follows this job from its first event. @param {string} url */
  follow(url) {
    this.#source?.close();
    this.#sequence = new SequenceCheck();
    this.#view.clearLog();
    this.#view.state = "connecting";
    this.#verdict = "";
    this.#steps = this.#of = 0;
    // The client reconnects within two seconds after a server is started again.
    const source = new ResilientEventSource(url, { backoff: { base: 500, cap: 2_000 } });
    this.#source = source;
    source.subscribe((state) => {
      if (!(this.#hasEnded && state.status === "closed")) this.#view.showClient(state);
    });

    /** @param {string} name @param {(data: any, seq: number) => void} listener */
    const on = (name, listener) =>
      source.addEventListener(name, ({ data, lastEventId }) => {
        listener(JSON.parse(data), Number(lastEventId.split(".")[1]));
        this.#view.schedulePaint();
      });
    on("step", ({ step, of }, seq) => {
      this.#sequence.add(seq, step);
      this.#steps = step;
      this.#of = of;
    });
    on("done", ({ steps }, seq) => this.#sequence.add(seq, steps + 1));
    on("stream.open", ({ state, first, last }) => {
      if (state === "waiting") this.#view.addLog("open; the job does not exist yet");
      else
        this.#view.addLog(
          last === 0 ? "open; no events yet" : `open; the server has events ${first} to ${last}`,
        );
    });
    on("stream.reset", ({ reason, lost }, seq) => this.#onReset(reason, lost, seq));
    on("stream.error", ({ code, message }) => this.#view.addLog(`error ${code}: ${message}`));
    on("stream.end", ({ status }, seq) => this.#onEnd(status, seq));
  }

  /** @param {string} reason @param {[number, number] | null} lost @param {number} seq */
  #onReset(reason, lost, seq) {
    if (lost === null) {
      this.#view.addLog(`reset (${reason}): starting over`);
      this.#sequence = new SequenceCheck();
    } else {
      this.#view.addLog(`reset (${reason}): events ${lost[0]} to ${lost[1]} are lost`);
    }
    if (!Number.isNaN(seq)) this.#sequence.skipTo(seq + 1);
  }

  /** @param {string} status @param {number} seq */
  #onEnd(status, seq) {
    this.#sequence.end(seq);
    this.#view.addLog(`end: ${status}`);
    const result = this.#sequence.isComplete
      ? "all of its events arrived"
      : "events are missing or came twice";
    this.#verdict =
      {
        done: `The job is done; ${result}.`,
        cancelled: `The job was cancelled; ${result}.`,
        lost: `The worker of the job died; ${result}.`,
      }[status] ?? `The job has ended as ${status}; ${result}.`;
    this.#view.state = `ended: ${status}`;
  }

  #paint() {
    const part = this.#of === 0 ? 0 : this.#steps / this.#of;
    /** @type {HTMLProgressElement} */ (this.#view.part("bar")).value = part;
    this.#view.show(
      "steps",
      this.#of === 0 ? "No steps yet" : `${format(this.#steps)} of ${format(this.#of)} steps`,
    );
    this.#view.show("percent", `${Math.floor(part * 100)} %`);
    const lastEventId = this.#source?.lastEventId ?? "";
    this.#view.showProof(this.#sequence, String(this.#sequence), this.#verdict, lastEventId);
  }
}
