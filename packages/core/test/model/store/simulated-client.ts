import type { MemoryClient } from "../../../src/testing/index.ts";
import { decodeFrames } from "../../../src/protocol/decode.ts";
import { type Position, positionOf } from "../position.ts";
import type { ReferenceModel } from "./reference-model.ts";

/**
 * A client that keeps its last event id over all its connections, whichever process serves them. It checks everything:
 * each event must be the very next one, or a reset must have announced what is missing.
 */
export class SimulatedClient {
  /** The `Last-Event-ID` of the next request. */
  cursor: string | undefined;
  connection: MemoryClient | undefined;
  /** The stream that the client reads. */
  readonly id: string;
  readonly #model: ReferenceModel;
  #position: Position | undefined;
  /** How many characters of the current connection have been parsed. */
  #parsed = 0;
  /** How many characters of the current connection have been searched for complete blocks. */
  #searched = 0;
  #liveCount = 0;
  #waiting = false;
  #ended = false;
  /** Set after a `stream.open` without an id: a reset must follow. */
  #resetPending = false;

  constructor(id: string, model: ReferenceModel) {
    this.id = id;
    this.#model = model;
  }

  get position(): Position | undefined {
    return this.#position;
  }

  /** Whether the last `stream.open` said `waiting`. */
  get isWaiting(): boolean {
    return this.#waiting;
  }

  connect(connection: MemoryClient): void {
    this.connection = connection;
    this.#parsed = this.#searched = this.#liveCount = 0;
    this.#waiting = this.#ended = this.#resetPending = false;
    this.#position = positionOf(this.cursor);
  }

  leave(): void {
    this.read();
    this.connection?.leave();
    if (this.#ended) this.cursor = undefined;
    this.connection = undefined;
  }

  read(): void {
    if (this.connection === undefined) return;
    const { text } = this.connection;
    if (text.length === this.#searched) return;
    this.#searched = text.length;
    const end = text.lastIndexOf("\n\n") + 2;
    if (end <= Math.max(1, this.#parsed)) return;
    const blocks = decodeFrames(new TextEncoder().encode(text.slice(this.#parsed, end)));
    this.#parsed = end;
    for (const { id, event, data } of blocks) {
      if (data !== undefined) this.#onEvent(event, id, data);
      if (id !== undefined) this.cursor = id;
    }
  }

  #onEvent(event: string, id: string | undefined, data: string): void {
    if (this.#ended) throw new Error(`${event} after stream.end`);
    const unexpected = (): never => {
      throw new Error(`${event} with the id ${id} and the data ${data} at ${this.cursor}`);
    };
    if (event === "stream.open") {
      const { state } = JSON.parse(data) as { state: string };
      this.#waiting = state === "waiting";
      if (this.#waiting) return;
      const start = positionOf(id);
      if (start === undefined) {
        this.#resetPending = true;
        return;
      }
      if (this.cursor !== undefined && this.cursor !== id) unexpected();
      this.#position = start;
    } else if (event === "stream.reset") {
      const { lost } = JSON.parse(data) as { lost: [number, number] | null };
      const to = positionOf(id);
      if (to === undefined) return unexpected();
      if (lost !== null) {
        const isSameLife = this.#position !== undefined && this.#model.continues(this.#position, to.epoch);
        const from = isSameLife ? (this.#position?.seq ?? 0) : 0;
        if (lost[0] !== from + 1 || lost[1] !== to.seq || lost[0] > lost[1]) unexpected();
      }
      this.#position = to;
      this.#resetPending = false;
    } else if (event === "stream.live") {
      if (++this.#liveCount > 1) unexpected();
    } else if (event === "stream.end") {
      this.#ended = true;
      const { status } = JSON.parse(data) as { status: string };
      const end = positionOf(id);
      if (this.#resetPending || end === undefined || this.#position === undefined) return unexpected();
      if (!this.#model.continues(this.#position, end.epoch)) return unexpected();
      if (end.seq <= this.#position.seq || id?.endsWith(".end") !== true) unexpected();
      this.#model.checkEnd(end.epoch, this.#position.seq, status);
    } else if (event === "stream.drain") {
      this.#waiting = false;
    } else if (event !== "stream.error") {
      const next = positionOf(id);
      if (this.#resetPending || next === undefined || this.#position === undefined) return unexpected();
      const isNext = next.seq === this.#position.seq + 1;
      if (!isNext || !this.#model.continues(this.#position, next.epoch)) unexpected();
      this.#position = next;
      this.#model.checkEvent(next.epoch, next.seq, data);
    }
  }
}
