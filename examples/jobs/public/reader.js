/** @import { JobEvents } from "../events.ts" */
/** @import { Client } from "./open-source.js" */
import { LossEvent, ResilientEventSource } from "@holdfast/client";
import { ClientPanel } from "./client-panel.js";
import { count, format, timeNow } from "./format.js";
import { JobState } from "./job-state.js";
import { NAMES, openSource } from "./open-source.js";
import { ReaderPanel } from "./reader-panel.js";
import { SequenceCheck } from "./sequence-check.js";

/** Number of lines in the log of the connection. */
const LOG_LINES = 10;

/** One reader of a job: a connection, and what arrived over it. */
export class Reader {
  state = "";
  #url;
  #client;
  #panel;
  #clientPanel;
  #onState;
  #sequence = new SequenceCheck();
  #job = new JobState();
  /** @type {EventSource | undefined} */
  #source;
  #lastEventId = "";
  #replaying = false;
  /** @type {{ time: string, text: string }[]} The newest first. */
  #log = [];
  /** @type {"open" | "right" | "wrong"} */
  #proof = "open";
  #verdict = "";
  #paintScheduled = false;

  /**
   * @param {string} title
   * @param {string} jobId
   * @param {Client} client
   * @param {() => void} onState called after each change of `state`
   */
  constructor(title, jobId, client, onState) {
    this.#client = client;
    this.#url = `/jobs/${encodeURIComponent(jobId)}/stream`;
    this.#onState = onState;
    this.#panel = new ReaderPanel(title, () => {
      if (this.#source === undefined) this.connect();
      else this.cut();
    });
    this.#clientPanel = new ClientPanel(this.#panel.part("client"), () => this.reconnectNow());
  }

  /** The element of this reader on the page. */
  get element() {
    return this.#panel.root;
  }

  get hasEnded() {
    return this.state.startsWith("ended");
  }

  /** Connects, or continues after the last event that was received. */
  connect() {
    const cursor = this.#lastEventId;
    const name = NAMES[this.#client];
    this.#addLog(`${name} connects, ${cursor === "" ? "from the first event" : `lastEventId=${cursor}`}`);
    this.#setState("connecting");
    const source = openSource(this.#client, this.#url, cursor);
    this.#source = source;
    this.#clientPanel.watch(source);
    source.addEventListener("error", (event) => this.#onConnectionError(source.readyState, event));

    /** @param {string} name @param {(data: any, seq: number) => void} listener */
    const on = (name, listener) =>
      source.addEventListener(name, ({ data, lastEventId }) => {
        if (lastEventId !== "") this.#lastEventId = lastEventId;
        listener(JSON.parse(data), Number(lastEventId.split(".")[1]));
        this.#schedulePaint();
      });
    /** @param {keyof JobEvents} name @param {(data: any) => void} listener */
    const onEvent = (name, listener) =>
      on(name, (data, seq) => {
        this.#sequence.add(seq, this.#replaying ? "replayed" : "live");
        listener(data);
      });

    onEvent("progress", (data) => this.#job.onProgress(data));
    onEvent("file", (data) => this.#job.onFile(data));
    onEvent("done", (data) => this.#job.onDone(data));

    on("stream.open", (data) => this.#onOpen(data));
    on("stream.live", () => {
      this.#replaying = false;
      this.#addLog("live");
      this.#setState("live");
    });
    on("stream.reset", (data, seq) => this.#onReset(data, seq));
    on("stream.error", ({ code, message }) => this.#addLog(`error ${code}: ${message}`));
    on("stream.drain", ({ reason }) => {
      this.#addLog(`drained (${reason}); will reconnect later`);
      this.#setState("reconnecting");
    });
    on("stream.end", ({ status }, seq) => void this.#onEnd(status, seq));
  }

  /** Continues with another client after the last event. A cut reader stays cut. @param {Client} client */
  use(client) {
    this.#client = client;
    if (this.#source === undefined) return;
    this.#close();
    this.connect();
  }

  /** Makes the client reconnect without waiting for its back-off. */
  reconnectNow() {
    if (!(this.#source instanceof ResilientEventSource)) return;
    this.#addLog("reconnecting on request");
    this.#setState("connecting");
    this.#source.reconnect();
  }

  /** Closes the connection. The job continues. */
  cut() {
    this.#close();
    this.#addLog(`connection cut, last event id ${this.#lastEventId || "none"}`);
    this.#setState("cut");
  }

  /** Closes the connection and removes the reader from the page. */
  remove() {
    this.#close();
    this.element.remove();
  }

  #close() {
    this.#source?.close();
    this.#source = undefined;
  }

  /** @param {{ state: "waiting" | "live" | "ended", first: number | null, last: number | null }} open */
  #onOpen({ state, first, last }) {
    this.#replaying = true;
    this.#setState(state === "waiting" ? "waiting" : "replaying");
    if (state === "waiting") this.#addLog("open; the job does not exist yet");
    else if (last === 0) this.#addLog("open; no events yet");
    else this.#addLog(`open; the server has events ${first} to ${last}`);
  }

  /** @param {{ reason: string, lost: [number, number] | null }} reset @param {number} seq */
  #onReset({ reason, lost }, seq) {
    if (lost === null) {
      this.#addLog(`reset (${reason}): starting over`);
      this.#sequence = new SequenceCheck();
      this.#job = new JobState();
    } else {
      this.#addLog(`reset (${reason}): events ${lost[0]} to ${lost[1]} are lost`);
    }
    this.#sequence.skipTo(seq + 1);
  }

  /** @param {string} status @param {number} seq */
  async #onEnd(status, seq) {
    // An EventSource would reconnect once more and get a 204. ResilientEventSource stops by itself.
    if (this.#source instanceof EventSource) this.#source.close();
    this.#source = undefined;
    this.#sequence.end(seq);
    this.#addLog(`end: ${status}`);
    this.#setState(`ended: ${status}`);
    await this.#verify(status);
    this.#schedulePaint();
  }

  /** Compares what was received with what the job reports about itself. @param {string} status */
  async #verify(status) {
    const { done, files, errors } = this.#job;
    const { received, total, isComplete } = this.#sequence;
    if (!isComplete) {
      this.#proof = "wrong";
      this.#verdict = "Events are missing or came twice.";
    } else if (done === undefined) {
      this.#proof = "right";
      this.#verdict = `The job ended as ${status}; all of its events arrived.`;
    } else if (total === 1) {
      this.#verdict = "The events of this job are no longer kept; this is its result.";
    } else if (done.events !== total || done.files !== files || done.errors !== errors) {
      this.#proof = "wrong";
      this.#verdict = `The job reports ${count(done.events, "event")} and ${count(done.files, "file")}, but others arrived.`;
    } else if ((await this.#job.digest()) !== done.digest) {
      this.#proof = "wrong";
      this.#verdict = "The received hashes give a different digest.";
    } else {
      this.#proof = "right";
      this.#verdict = `The job reports ${format(received)} events too, and the hashes of ${count(files, "file")} give its digest.`;
    }
  }

  /** @param {number} readyState @param {Event} event */
  #onConnectionError(readyState, event) {
    if (this.#source === undefined) return;
    const name = NAMES[this.#client];
    const why = event instanceof LossEvent ? ` (${event.reason})` : "";
    if (readyState === EventSource.CLOSED) {
      this.#close();
      this.#addLog(`${name} has given up${why}`);
      this.#setState("given up");
    } else if (this.state !== "reconnecting") {
      this.#addLog(`connection lost${why}; ${name} reconnects`);
      this.#setState("reconnecting");
    }
  }

  /** @param {string} state */
  #setState(state) {
    this.state = state;
    this.#onState();
    this.#schedulePaint();
  }

  /** @param {string} text */
  #addLog(text) {
    this.#log = [{ time: timeNow(), text }, ...this.#log].slice(0, LOG_LINES);
    this.#schedulePaint();
  }

  /** Paints at most once per frame, because events arrive in bursts. */
  #schedulePaint() {
    if (this.#paintScheduled) return;
    this.#paintScheduled = true;
    requestAnimationFrame(() => {
      this.#paintScheduled = false;
      this.#panel.paint({
        state: this.state,
        isConnected: this.#source !== undefined,
        hasEnded: this.hasEnded,
        lastEventId: this.#lastEventId,
        log: this.#log,
        job: this.#job,
        sequence: this.#sequence,
        proof: this.#proof,
        verdict: this.#verdict,
      });
    });
  }
}
