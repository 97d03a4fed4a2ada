/** @import { Ledger, OrderEvents } from "../events.ts" */
import { ResilientEventSource } from "@holdfast/client";
import { ReaderView } from "../../common/page/reader-view.js";
import { FeedCheck } from "./feed-check.js";

/** After an event, Postgres is given this time to count it, in ms. */
const LEDGER_DELAY = 2_000;

/** Follows the feed through one server, and shows what arrived. */
export class Reader {
  #view;
  #check = new FeedCheck();
  /** @type {ResilientEventSource | undefined} */
  #source;
  /** @type {Ledger | undefined} */
  #ledger;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {HTMLElement} panel */
  constructor(panel) {
    this.#view = new ReaderView(panel, { state: "connecting", onPaint: () => this.#paint() });
  }

  /** Follows the feed from its first event. @param {string} url */
  follow(url) {
    // The client reconnects within two seconds after a server is started again.
    const source = new ResilientEventSource(url, { backoff: { base: 500, cap: 2_000 } });
    this.#source = source;
    source.subscribe((state) => {
      this.#view.showClient(state);
      this.#compare();
    });

    /** @param {string} name @param {(data: any, seq: number) => void} listener */
    const on = (name, listener) =>
      source.addEventListener(name, ({ data, lastEventId }) => {
        listener(JSON.parse(data), Number(lastEventId.split(".")[1]));
        this.#view.schedulePaint();
      });
    for (const name of /** @type {const} */ (["placed", "shipped"])) {
      on(name, (/** @type {OrderEvents[typeof name]} */ { order, item, attempt }, seq) => {
        this.#check.add(seq, attempt);
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#compare(), LEDGER_DELAY);
        this.#view.addLog(`order ${order} (${item}) ${name}`);
      });
    }
    on("stream.reset", ({ reason, lost }, seq) => {
      this.#view.addLog(
        `reset (${reason})${lost === null ? "" : `: events ${lost[0]} to ${lost[1]} are lost`}`,
      );
      if (lost === null) this.#check = new FeedCheck();
      if (!Number.isNaN(seq)) this.#check.skipTo(seq + 1);
    });
    on("stream.error", ({ code, message }) => this.#view.addLog(`error ${code}: ${message}`));
  }

  /** @param {Ledger} ledger */
  compare(ledger) {
    this.#ledger = ledger;
    this.#compare();
  }

  /** A reader without a connection is late, and has missed nothing yet. */
  #compare() {
    if (this.#ledger === undefined) return;
    const isLive = this.#view.state === "live";
    this.#check.compare({ ...this.#ledger, isSettled: this.#ledger.isSettled && isLive });
    this.#view.schedulePaint();
  }

  #paint() {
    this.#view.showProof(
      this.#check,
      String(this.#check),
      this.#check.verdict,
      this.#source?.lastEventId ?? "",
    );
  }
}
