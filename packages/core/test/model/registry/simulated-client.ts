import { createParser, type EventSourceMessage } from "eventsource-parser";
import type { MemoryClient } from "../../../src/testing/index.ts";
import { lastEvent } from "../epochs.ts";
import { type Position, positionOf } from "../position.ts";
import type { ReferenceModel } from "./reference-model.ts";

/** What the client may rely on; it differs between streams and channels. */
export interface Guarantees {
  /** The log holds exactly this many events once it has had as many. */
  readonly heldEvents: number;
  /** A client without a cursor starts at the first event, or gets a reset that says what is missing. */
  readonly startsAtFirstEvent: boolean;
}

/**
 * A client that follows the standard and keeps its last event id over all its connections. It checks everything: each
 * event must be the very next one, or a reset must have announced the exact range that is missing.
 */
export class SimulatedClient {
  /** The `Last-Event-ID` of the next request, committed at each blank line. */
  cursor: string | undefined;
  connection: MemoryClient | undefined;
  /** `undefined` until the server has sent it. */
  #position: Position | undefined;
  /** How many characters of the current connection have been parsed. */
  #parsed = 0;
  /** How many characters of the current connection have been searched for complete blocks. */
  #searched = 0;
  /** The cursor after each block of the current connection, and how many characters end there. */
  #cursors: { readonly end: number; readonly cursor: string | undefined }[] = [];
  #liveCount = 0;
  #openCount = 0;
  #waiting = false;
  #closedBy: "none" | "stream.end" | "stream.drain" = "none";
  #drainReason: string | undefined;
  /** Set after a `stream.open` without an id: a reset or a running snapshot must follow and give the position. */
  #positionPending: { readonly reset: string | undefined } | undefined;
  /** How many outages the current connection has reported. */
  outageCount = 0;
  /** Whether the current connection has reported `GONE`. */
  isGone = false;
  /** Whether the client was told, behind its last event, that its stream is interrupted. */
  #isInterrupted = false;
  /** Whether the last block was a `stream.error`, and what it said about a later attempt. */
  #lastError: { readonly retryable: boolean } | undefined;
  #held = { writes: 0, since: 0 };
  readonly #model: ReferenceModel;
  readonly #guarantees: Guarantees;

  constructor(model: ReferenceModel, guarantees: Guarantees) {
    this.#model = model;
    this.#guarantees = guarantees;
  }

  connect(connection: MemoryClient): void {
    this.connection = connection;
    this.#parsed = this.#searched = this.#liveCount = this.#openCount = this.outageCount = 0;
    this.#cursors = [{ end: 0, cursor: this.cursor }];
    this.#waiting = this.isGone = this.#isInterrupted = false;
    this.#positionPending = undefined;
    this.#closedBy = "none";
    this.#held = { writes: 0, since: 0 };
    this.#position = positionOf(this.cursor);
  }

  /** Parses what has arrived. */
  read(): void {
    if (this.connection === undefined) return;
    const { text } = this.connection;
    if (text.length === this.#searched) return;
    this.#searched = text.length;
    const end = text.lastIndexOf("\n\n") + 2;
    if (end <= Math.max(1, this.#parsed)) return;
    for (const block of text.slice(this.#parsed, end).split(/(?<=\n\n)/)) {
      this.#onBlock(block);
      this.#parsed += block.length;
      this.#cursors.push({ end: this.#parsed, cursor: this.cursor });
    }
  }

  /**
   * Leaves. With `limit` the network has delivered only that many characters, so the cursor is that of the last
   * complete block among them (section 9.2.6: an incomplete one is discarded).
   */
  leave(limit = Infinity): void {
    this.read();
    const { connection } = this;
    if (connection === undefined) return;
    this.cursor = this.#cursors.findLast(({ end }) => end <= limit)?.cursor;
    // A client never reconnects after a 204 or a 404: the next connection is that of a new client.
    if (connection.status === 204 || connection.status === 404) this.cursor = undefined;
    connection.leave();
    this.connection = undefined;
  }

  /** Whether the last `stream.open` said `waiting`. */
  get isWaiting(): boolean {
    return this.#waiting && this.connection?.state === "open";
  }

  /** For how many ms the current connection has taken nothing, as far as this method was called. */
  heldFor(now: number): number {
    const { connection } = this;
    if (connection?.held !== true || !["open", "closing"].includes(connection.state)) return 0;
    if (connection.writes !== this.#held.writes) this.#held = { writes: connection.writes, since: now };
    return now - this.#held.since;
  }

  /** Checks that a closed connection was given the reason, and that an open one has every event. */
  checkSettled(): void {
    this.read();
    const { connection } = this;
    if (connection === undefined || connection.status !== 200) return;
    if (connection.state === "flushed" && this.#closedBy === "none")
      throw new Error("A connection ended without stream.end or stream.drain");
    if (connection.state !== "open" || this.#waiting || this.#position === undefined) return;
    if (this.#liveCount === 0) throw new Error("An idle connection without stream.live");
    const newest = this.#model.newest(this.#position.epoch);
    if (this.#position.seq !== lastEvent(newest)) {
      throw new Error(`Idle at event ${this.#position.seq} of ${lastEvent(newest)}`);
    }
    if (newest.status === "interrupted" && !this.#isInterrupted)
      throw new Error("A client was not told that its stream is interrupted");
    if (newest.status !== undefined && newest.status !== "interrupted")
      throw new Error(`Idle on a stream that is ${newest.status}`);
  }

  /** Whether the connection is over because the server drains it for this reason. */
  isDrained(reason: string): boolean {
    return this.#closedBy === "stream.drain" && this.#drainReason === reason;
  }

  #onBlock(text: string): void {
    if (this.#closedBy !== "none") throw new Error(`A block after ${this.#closedBy}: ${text}`);
    const id = /^id: (.*)$/m.exec(text)?.[1];
    const parser = createParser({ onEvent: (event) => this.#onEvent(event) });
    parser.feed(text);
    if (id !== undefined) this.cursor = id;
  }

  #onEvent({ event, id, data }: EventSourceMessage): void {
    if (event !== "stream.error" && event !== "stream.end") this.#lastError = undefined;
    if (event === "stream.open") this.#onOpen(id, data);
    else if (event === "stream.reset") this.#onReset(id, data);
    else if (event === "stream.live") this.#onLive();
    else if (event === "stream.end") this.#onEnd(id, data);
    else if (event === "stream.drain") this.#onDrain(data);
    else if (event === "stream.error") this.#onError(data);
    else if (event === "part") this.#onPart(id);
    else if (event === "state") this.#onState(id, data);
    else this.#onUserEvent(id, data);
  }

  #onOpen(id: string | undefined, data: string): void {
    const { state, first, last } = JSON.parse(data) as { state: string; first: number; last: number };
    this.#openCount++;
    this.#waiting = state === "waiting";
    if (this.#openCount > 2 || (this.#openCount === 2 && state === "waiting"))
      throw new Error("Too many stream.open events on one connection");
    if (id === undefined) {
      if (!this.#waiting) this.#positionPending = { reset: undefined };
      return;
    }
    const start = positionOf(id);
    if (start === undefined) throw new Error(`stream.open has the id ${id}`);
    if (this.cursor !== undefined && this.cursor !== id)
      throw new Error(`The cursor is ${this.cursor}, but stream.open has the id ${id}`);
    const allowed = [this.#guarantees.startsAtFirstEvent ? 0 : first - 1, last];
    if (this.cursor === undefined && !allowed.includes(start.seq))
      throw new Error(`There is no cursor, but stream.open has the id ${id}`);
    this.#position = start;
  }

  #onReset(id: string | undefined, data: string): void {
    const { reason, lost } = JSON.parse(data) as { reason: string; lost: [number, number] | null };
    if (id === undefined) {
      if (this.#positionPending === undefined || lost !== null)
        throw new Error(`stream.reset without an id at ${this.cursor}`);
      this.#positionPending = { reset: reason };
      // The snapshot replaces all earlier events. A client that is cut before the next id must not resume behind them.
      this.cursor = undefined;
      return;
    }
    const to = positionOf(id);
    if (to === undefined) throw new Error(`stream.reset has the id ${id}`);
    const last = lastEvent(this.#model.newest(to.epoch));
    if (to.seq !== 0 && to.seq > last - this.#guarantees.heldEvents)
      throw new Error(`stream.reset to ${id} skips events that are held`);
    const at = this.#position;
    if (lost === null) {
      this.#checkReason(reason, to);
    } else {
      const from = at !== undefined && this.#model.continues(at, to.epoch) ? at.seq : 0;
      if (lost[0] !== from + 1 || lost[1] !== to.seq || lost[0] > lost[1])
        throw new Error(`stream.reset from ${this.cursor} to ${id} says that ${lost.join("-")} is lost`);
    }
    this.#position = to;
    this.#positionPending = undefined;
    this.#isInterrupted = false;
  }

  #checkReason(reason: string, to: Position): void {
    const expected = this.#reasonToStartOver(to);
    if (reason !== expected) throw new Error(`The cursor is ${this.cursor}, but stream.reset says ${reason}`);
  }

  /** Why the client has to start over in this life. If it could continue, it gets a snapshot instead of what is trimmed. */
  #reasonToStartOver(to: Position): string {
    const at = this.#position;
    if (at === undefined) return "invalid";
    if (!this.#model.understands(at.epoch, to.epoch)) return "epoch";
    return at.seq > lastEvent(this.#model.record(at.epoch)) ? "ahead" : "trimmed";
  }

  /** The first event of a running snapshot. */
  #onPart(id: string | undefined): void {
    if (id !== undefined) throw new Error(`An event inside a snapshot has the id ${id}`);
    if (this.#positionPending === undefined) throw new Error("A snapshot that was not announced");
  }

  /** The last event of a running snapshot, whose data is the position of the snapshot. */
  #onState(id: string | undefined, data: string): void {
    const to = positionOf(data);
    if (id !== data || to === undefined) throw new Error(`A snapshot at ${data} has the id ${id}`);
    if (this.#positionPending === undefined) throw new Error("A snapshot that was not announced");
    if (to.seq > lastEvent(this.#model.newest(to.epoch)))
      throw new Error(`A snapshot at ${data}, which is ahead of the stream`);
    if (this.#positionPending.reset !== undefined) this.#checkReason(this.#positionPending.reset, to);
    else if (this.cursor !== undefined)
      throw new Error(`The cursor is ${this.cursor}, but a snapshot follows without stream.reset`);
    this.#position = to;
    this.#positionPending = undefined;
    this.#isInterrupted = false;
  }

  #onError(data: string): void {
    const { code, retryable } = JSON.parse(data) as { code: string; retryable: boolean };
    if (code !== "INTERRUPTED") this.#lastError = { retryable };
    if (code === "SNAPSHOT_FAILED") this.outageCount++;
    if (code === "GONE") this.isGone = true;
    if (code !== "INTERRUPTED") return;
    this.#isInterrupted = true;
    const at = this.#position;
    if (at === undefined || !retryable || !this.#model.newest(at.epoch).life.wasInterrupted)
      throw new Error(`INTERRUPTED at ${this.cursor}, but the stream was never interrupted`);
  }

  #onDrain(data: string): void {
    this.#closedBy = "stream.drain";
    this.#drainReason = (JSON.parse(data) as { reason: string }).reason;
  }

  #onLive(): void {
    this.#liveCount++;
    if (this.#liveCount > 1) throw new Error("Two stream.live events on one connection");
  }

  #onUserEvent(id: string | undefined, data: string): void {
    const next = positionOf(id);
    const at = this.#position;
    if (next === undefined || at === undefined || this.#positionPending !== undefined)
      throw new Error(`Event ${id}, but the client has no position`);
    if (!this.#model.continues(at, next.epoch) || next.seq !== at.seq + 1)
      throw new Error(`Event ${id} follows ${at.epoch}.${at.seq}`);
    this.#model.checkPushed(this.#model.record(next.epoch), next.seq, data);
    this.#position = next;
    this.#isInterrupted = false;
  }

  #onEnd(id: string | undefined, data: string): void {
    this.#closedBy = "stream.end";
    const end = positionOf(id);
    const { status } = JSON.parse(data) as { status: string };
    if (this.isGone) {
      if (!this.#waiting || status !== "lost" || end?.seq !== 0 || this.#model.find(end.epoch) !== undefined)
        throw new Error(`After GONE, stream.end has the status ${status} and the id ${id}`);
      return;
    }
    const at = this.#position;
    if (end === undefined || at === undefined || !this.#model.continues(at, end.epoch))
      throw new Error(`stream.end has the id ${id} of another epoch`);
    const newest = this.#model.newest(end.epoch);
    if (id?.endsWith(".end") !== true) throw new Error(`stream.end has the id ${id}, which is not terminal`);
    if (newest.epoch !== end.epoch || newest.status !== status)
      throw new Error(`stream.end has the status ${status} instead of ${newest.status}`);
    if (end.seq !== lastEvent(newest) + 1 || at.seq !== lastEvent(newest))
      throw new Error(`stream.end has the id ${id} after event ${at.seq} of ${lastEvent(newest)}`);
    if (this.#lastError?.retryable === true) throw new Error("The error of a stream.end is retryable");
  }
}
