// Tested by test/multiplex/multiplex.test.ts.

import { createLatch, type Latch } from "../base/latch.ts";
import type { ClientConnection } from "../connection/client-connection.ts";
import type { ConnectionOptions } from "../connection/options.ts";
import type { ConnectionPool } from "../connection/connection-pool.ts";
import type { FrameSource } from "../connection/frame-source.ts";
import { retryDelay } from "../connection/retry-delay.ts";
import type { ConnectionLabels } from "../protocol/observer.ts";
import type { CloseReason, DrainReason } from "../protocol/reasons.ts";
import { type MemberAnswer, memberDrainFrame, memberFrame } from "./member-frames.ts";
import type { MemberTurns } from "./member-turns.ts";

/** How much a member may write before it is the others' turn, in bytes. One event may be larger. */
const TURN_BYTES = 65_536;

/** What a member needs of the response that it is part of. */
export interface MemberOutput {
  readonly turns: MemberTurns;
  /** Adds a block that is not part of a run of a member's blocks. */
  addDrain(frame: Uint8Array): void;
  addAnswer(name: string, answer: MemberAnswer): void;
  /** Nothing of the member will follow. */
  remove(member: Member, reason: CloseReason): void;
}

/** A member of a multiplexed response. Its source writes only in the turns that the response gives it. */
export class Member implements ClientConnection {
  // What an event needs comes first, so that it lies together.
  /** Whether it waits for its turn; kept by {@link MemberTurns}, as is the next one. */
  isQueued = false;
  /** The next in the queue's list: who came before it or, once the list was turned round, who came behind it. */
  neighbour: Member | undefined;
  readonly #turns: MemberTurns;
  #source: FrameSource | undefined;
  #isOpen = true;
  /** What may still be written in this turn; 0 outside of a turn. */
  #bytesLeft = 0;
  #pendingDrain: { readonly reason: DrainReason; readonly spread: number } | undefined;
  /** Says that the next blocks are those of this member. */
  readonly frame: Uint8Array;
  readonly name: string;
  readonly labels: ConnectionLabels;
  readonly options: ConnectionOptions;
  readonly latch: Latch;
  readonly since = 0;
  readonly transfer = undefined;
  readonly #output: MemberOutput;
  readonly #pool: ConnectionPool;
  #started = false;

  constructor(
    output: MemberOutput,
    name: string,
    labels: ConnectionLabels,
    options: ConnectionOptions,
    pool: ConnectionPool,
  ) {
    this.name = name;
    this.labels = labels;
    this.options = options;
    this.frame = memberFrame(name);
    this.#output = output;
    this.#turns = output.turns;
    this.#pool = pool;
    this.latch = createLatch({
      onError: (error) => pool.runtime.report("failed", { ...labels, stage: "cleanup", error }),
    });
  }

  get ready(): boolean {
    return this.#bytesLeft > 0;
  }

  get started(): boolean {
    return this.#started;
  }

  start(): void {
    if (this.#started || !this.#isOpen) return;
    this.#started = true;
    this.#turns.request(this);
  }

  respondEmpty(status: number): void {
    this.#answer({ status });
  }

  setSource(source: FrameSource): void {
    this.#source = source;
    this.latch.defer(() => source.detach?.());
  }

  pump(): void {
    if (this.#isOpen) this.#turns.request(this);
  }

  /** A block that moves the client's cursor of this member. */
  takeCursor(): Uint8Array | undefined {
    return this.#source?.takeCursor?.();
  }

  /** Lets the source write up to the end of the turn. Returns whether it may have more. */
  takeTurn(flush?: DrainReason): boolean {
    if (!this.#isOpen) return false;
    this.#bytesLeft = TURN_BYTES;
    const reason = this.#pendingDrain?.reason ?? flush;
    try {
      if (reason === undefined) this.#source?.pump();
      else this.#source?.flush?.(reason);
    } catch (error) {
      this.#pool.runtime.report("failed", { ...this.labels, stage: "delivery", error });
      this.destroy("aborted");
    }
    const isDone = this.#bytesLeft > 0;
    this.#bytesLeft = 0;
    if (isDone && this.#pendingDrain !== undefined) this.destroy(this.#pendingDrain.reason);
    return !isDone && this.#isOpen;
  }

  write(bytes: Uint8Array, events = 0): void {
    if (bytes.length === 0 || !this.ready) return;
    this.#bytesLeft -= bytes.length;
    this.#turns.add(this, bytes, events);
  }

  caughtUp(events: number): void {
    this.#pool.runtime.report("replayed", { ...this.labels, events });
  }

  end(reason: CloseReason, lastFrame: Uint8Array = new Uint8Array()): void {
    this.write(lastFrame);
    this.close(reason);
  }

  /** Clients get control events, so that they know what an end means. */
  cut(reason: CloseReason, lastFrame?: Uint8Array): void {
    this.end(reason, lastFrame);
  }

  /** Asks the client to come back for this member, behind what it may have before. */
  drain(reason: DrainReason, spread = 0): void {
    if (!this.#isOpen) return;
    this.#pendingDrain ??= { reason, spread };
    this.start();
    this.pump();
  }

  reject(): void {
    if (this.options.overload === "drain" || this.#started) return this.drain("busy");
    this.#answer({ status: 503, retryAfter: this.retryDelay("busy") });
  }

  /** Drains the member without what it has not written yet. */
  destroy(reason: DrainReason): void {
    if (!this.#isOpen) return;
    const { random } = this.#pool.runtime;
    this.#output.addDrain(memberDrainFrame(this.name, reason, random, this.#pendingDrain?.spread ?? 0));
    this.close(reason);
  }

  retryDelay(reason?: DrainReason): number {
    return retryDelay(this.#pool.runtime.random, reason);
  }

  /** Releases everything. Idempotent. */
  close(reason: CloseReason): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#bytesLeft = 0;
    this.latch.close(reason);
    this.#pool.remove(this);
    this.#output.remove(this, reason);
  }

  #answer(answer: MemberAnswer): void {
    if (!this.#isOpen) return;
    this.#output.addAnswer(this.name, answer);
    this.close("closed");
  }
}
