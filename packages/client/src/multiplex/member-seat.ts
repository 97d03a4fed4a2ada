import type { TransportRequest } from "../connection/reconnect-loop.ts";
import type { ConnectionState } from "../connection/state.ts";
import type { Attempt } from "../retry/attempt.ts";
import type { Batch, ResponseReader } from "../stream/stream-reader.ts";

// Tested by test/multiplex: multiplex.test.ts, slow-consumers.test.ts.

/** What a member's consumer has not taken is at most this, in characters, and one piece of a response. */
const MAX_WAITING = 262_144;
/** What an event costs in memory besides its data, in characters. */
const EVENT_OVERHEAD = 100;

const sizeOf = ({ deliveries }: Batch): number =>
  deliveries.reduce((size, { data }) => size + data.length + EVENT_OVERHEAD, EVENT_OVERHEAD);

/** A member on a shared connection. */
export interface Seat {
  readonly member: string;
  readonly attempt: Attempt;
  /** What takes the blocks of the response; `undefined` while nothing of it is read. */
  response: ResponseReader | undefined;
  readonly cursor: string;
  readonly heartbeat: number;
  begin(url: string): void;
  follow(state: ConnectionState): void;
  push(batch: Batch): boolean;
  fail(error: unknown): void;
}

/** One attempt of a member: its place on the shared connection, and what waits for its consumer. */
export class MemberSeat implements Seat {
  readonly member: string;
  /** What takes the blocks of the response; `undefined` while nothing of it is read. */
  response: ResponseReader | undefined;
  readonly #request: TransportRequest;
  readonly #maxPrefix: number;
  readonly #waiting: Batch[] = [];
  #size = 0;
  #hasBegun = false;
  /** Whether the state is that of the shared connection, which is lost. */
  #isLost = false;
  #isFull = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;

  /** @param maxPrefix what may wait of a snapshot prefix, in characters: it cannot be resumed, only repeated */
  constructor(member: string, request: TransportRequest, maxPrefix: number) {
    this.member = member;
    this.#request = request;
    this.#maxPrefix = maxPrefix;
    this.attempt.signal.addEventListener("abort", () => this.#wake?.());
  }

  get attempt(): Attempt {
    return this.#request.attempt;
  }

  /** The cursor behind the last event that was read for it. */
  get cursor(): string {
    return this.#request.reader.cursor;
  }

  /** The interval of the heartbeats that the server has announced, in ms. */
  get heartbeat(): number {
    return this.#request.reader.heartbeat;
  }

  /** Whether it was let go, since too much waits. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** The first block of a response has come. A change of the members alone does not change the state. */
  begin(url: string): void {
    if (this.attempt.signal.aborted) return;
    if (!this.#hasBegun) this.response = this.#request.open(url);
    else {
      if (this.#isLost) this.#request.setState({ status: "open" });
      this.response = this.#request.reader.open(this.attempt, url);
    }
    this.#hasBegun = true;
    this.#isLost = false;
  }

  /** The shared connection is lost, or it tries again. */
  follow(state: ConnectionState): void {
    this.#isLost ||= state.status === "retrying";
    if (this.#isLost) this.#request.setState(state);
  }

  /** Takes what a piece of a response held for this member. Returns whether too much waits, so that it must let go. */
  push(batch: Batch): boolean {
    this.#waiting.push(batch);
    this.#size += sizeOf(batch);
    this.#wake?.();
    this.#isFull = this.#size > (batch.isResumable ? MAX_WAITING : this.#maxPrefix);
    return this.#isFull;
  }

  /** Ends the attempt with an error of the shared connection. */
  fail(error: unknown): void {
    this.#failure = { error };
    this.attempt.abort({ type: "interrupt", reason: "failed" });
  }

  /**
   * What waits, in order, until the attempt has ended.
   *
   * @param rejoin called when this member was full, and nothing waits any more
   * @throws what it has failed with, behind the last batch
   */
  async *batches(rejoin: () => void): AsyncGenerator<Batch, void, void> {
    const { signal } = this.attempt;
    while (true) {
      for (let batch = this.#waiting[0]; batch; batch = this.#waiting[0]) {
        yield batch;
        this.#waiting.shift();
        this.#size -= sizeOf(batch);
      }
      if (this.#failure) throw this.#failure.error;
      if (signal.aborted) return;
      if (this.#isFull) {
        this.#isFull = false;
        rejoin();
      } else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
