import { HoldfastError, takenOverError } from "../base/errors.ts";
import { lastOf } from "../protocol/cursor.ts";
import { cancelHere } from "../stream/memory-host.ts";
import type { Interruption } from "../stream/interruption.ts";
import { Batcher, takeBatch } from "./batcher.ts";
import type { StoreAppended, StoredEnd, StoreMeta } from "./store.ts";
import { CALL_TIMEOUT, LEASE } from "./store-client.ts";
import { toStoreWindow } from "./store-options.ts";
import {
  finalStateOf,
  notStoredError,
  toInterruptedMeta,
  toStoredEnd,
  toStoredInterruption,
} from "./stored-end.ts";
import { StreamBacklog } from "./stream-backlog.ts";
import type { StreamProducerOptions } from "./stream-producer-options.ts";

/** A lease is renewed after this many ms without an append. */
const RENEWAL = 5_000;
/** How long a producer that was fenced waits before it asks again what has become of its stream, in ms. */
const FENCED_RETRY = 1_000;

/**
 * Sends a stream from its producer to the store: what the log holds behind the last stored frame, in batches. It renews the
 * lease while the stream is live, and sends a store that has lost frames what the log still holds of them.
 */
export class StreamProducer {
  readonly backlog: StreamBacklog;
  readonly #options: StreamProducerOptions;
  readonly #batcher: Batcher;
  #fence: number;
  /** When the lease began that the store has granted. */
  #renewedAt: number;
  #isOver = false;
  #isCancelRequested = false;
  #isEnding = false;
  #cancelTimer: () => void = () => undefined;

  constructor(options: StreamProducerOptions) {
    this.#options = options;
    this.#fence = options.fence;
    // The call that granted the lease took no longer.
    this.#renewedAt = options.client.clock.now() - CALL_TIMEOUT;
    this.#batcher = new Batcher({
      client: options.client,
      send: () => this.#send(),
      next: () => this.#nextSend(),
    });
    this.backlog = new StreamBacklog(options.stream, () => this.#batcher.request(this.backlog.size, true));
    this.#batcher.sendIn(RENEWAL);
  }

  /** Something was pushed, or the stream has ended. */
  changed(): void {
    const { stream, client, endTimeout } = this.#options;
    if (this.#isOver) return;
    const hasEnded = stream.end !== undefined;
    if (hasEnded) {
      if (!this.#isEnding) this.#cancelTimer = client.clock.after(endTimeout, () => this.#onEndTimeout());
      this.#isEnding = true;
      this.backlog.resolveRoom();
    }
    const isUrgent = hasEnded || stream.interruption !== undefined;
    this.#batcher.request(this.backlog.size, isUrgent);
  }

  /** Appends at once, to learn what the store wants of the producer. In an outage it waits for its turn. */
  renewNow(): void {
    this.#batcher.request(this.backlog.size, true);
  }

  /** Appends within a second, for what all producers do at the same time. */
  renewSoon(): void {
    this.#batcher.sendIn(1_000 * this.#options.client.random());
  }

  /** Gives up what is not stored, and reports it. */
  giveUp(): void {
    const { stream, client } = this.#options;
    if (this.#isOver) return;
    client.report("failed", { id: stream.id, stage: "store", error: notStoredError() });
    this.#finishStored();
  }

  /** Another producer of this process continues the stream, or has replaced it. */
  supersede(): void {
    if (!this.#isOver) this.#stop();
  }

  /** Deletes the stream in the store, so that it can be started anew by anybody. */
  withdraw(): void {
    const { client, stream } = this.#options;
    if (this.#isOver) return;
    this.#isOver = true;
    this.#batcher.stop();
    // If the deletion fails, the lease expires.
    void client
      .delete(stream.id)
      .catch(() => undefined)
      .finally(() => this.#stop());
  }

  #stop(): void {
    this.#isOver = true;
    this.#cancelTimer();
    this.#batcher.stop();
    this.backlog.end();
  }

  async #send(): Promise<boolean> {
    const { client, stream, limits } = this.#options;
    const { id, log } = stream;
    const sentAt = client.clock.now();
    const { backlog } = this;
    const frames = takeBatch(backlog.frames());
    const { end, interrupt } = finalStateOf(stream, frames.length === backlog.size);
    const answer = await client.append(id, {
      epoch: log.epoch,
      fence: this.#fence,
      from: backlog.last + 1,
      frames,
      leaseMs: LEASE,
      ttlMs: Math.max(limits.ttlMs, toStoreWindow(interrupt?.window ?? 0)),
      ...(end !== undefined && { end: toStoredEnd(end) }),
      ...(interrupt !== undefined && { interrupt: toStoredInterruption(interrupt) }),
    });
    if (this.#isOver) return true;
    if (answer.code === "ok") this.#renewedAt = sentAt;
    const isTaken = await this.#handle(answer, frames.length, end !== undefined);
    const isStored = answer.code === "ok" && stream.interruption === interrupt && !this.#isOver;
    if (isStored && interrupt !== undefined) this.#handOver(interrupt);
    return isTaken;
  }

  /** Not a matter of the batcher: in an outage its turn may come much later. */
  #onEndTimeout(): void {
    const { client, stream } = this.#options;
    // Readers may wait here for frames that they may have only when the store has them.
    const isAwaited = stream.highWatermark !== undefined && stream.readers.size > 0;
    if (isAwaited) this.#cancelTimer = client.clock.after(RENEWAL, () => this.#onEndTimeout());
    else this.giveUp();
  }

  #nextSend(): number | undefined {
    const { stream } = this.#options;
    const isUrgent = stream.end !== undefined || stream.interruption !== undefined;
    return isUrgent || this.backlog.size > 0 ? 0 : RENEWAL;
  }

  /** Returns whether the append counts as taken. */
  async #handle(answer: StoreAppended, sent: number, hasEnd: boolean): Promise<boolean> {
    const { stream } = this.#options;
    switch (answer.code) {
      case "ok": {
        const stored = Math.min(answer.last, stream.log.last);
        // A store that takes nothing is retried with back-off.
        const isTaken = sent === 0 || stored > this.backlog.last;
        this.backlog.setLast(stored);
        if (hasEnd) this.#finish();
        else {
          this.#options.onStored();
          if (answer.cancel !== undefined) this.#cancel(answer.cancel, answer.cancelGraceMs);
        }
        return isTaken;
      }
      case "gap":
        if (answer.expected < stream.log.first) await this.#restore();
        else this.backlog.setLast(answer.expected - 1);
        return false;
      case "missing":
        await this.#restore();
        return false;
      case "closed":
        await this.#adoptEnd(answer.end);
        return false;
      case "fenced":
        return this.#findOutWhyFenced();
    }
  }

  #cancel(reason: string, grace = 0): void {
    const { stream, client } = this.#options;
    if (!this.#isCancelRequested) cancelHere(stream, reason || undefined, grace, client);
    this.#isCancelRequested = true;
  }

  /** The store has lost the stream, or more of it than the log can give: it gets what the log holds. */
  async #restore(): Promise<void> {
    const { client, stream, limits, retryWindowMs } = this.#options;
    const { id, log } = stream;
    // From now on nothing of it may leave the log.
    this.backlog.setLast(log.first - 1);
    const opened = await client.open(id, {
      kind: "stream",
      epoch: log.epoch,
      leaseMs: LEASE,
      ...limits,
      retryWindowMs,
      restoreFence: this.#fence,
      restoreLast: this.backlog.last,
      restoreJoints: log.joints,
    });
    if (this.#isOver) return;
    if (opened.role === "reader") {
      await this.#endAsInStore(opened.meta);
      return;
    }
    this.#fence = opened.fence;
    this.#options.onRestored(this.backlog.last + 1);
  }

  /** Somebody else has ended the stream. An earlier append whose answer was lost may be part of it. */
  async #adoptEnd(end: StoredEnd): Promise<void> {
    const { client, stream } = this.#options;
    const page = await client.readHead(stream.id);
    if (this.#isOver) return;
    if (page.code !== "missing") this.#learnStored(page.meta);
    this.#endAs(end);
  }

  #learnStored({ epoch, last }: StoreMeta): void {
    const { log } = this.#options.stream;
    if (epoch === log.epoch) this.backlog.setLast(Math.min(last, log.last));
  }

  async #findOutWhyFenced(): Promise<boolean> {
    const { client, stream } = this.#options;
    const page = await client.readHead(stream.id);
    if (this.#isOver) return true;
    if (page.code === "missing") return false;
    await this.#endAsInStore(page.meta);
    return true;
  }

  /** Somebody else has the stream now: it goes on here as it does in the store. */
  async #endAsInStore(meta: StoreMeta): Promise<void> {
    const { client, stream } = this.#options;
    const { id, log } = stream;
    if (meta.epoch !== log.epoch) {
      const isOtherLife = lastOf({ joints: [], ...meta }, log.epoch) === undefined;
      const hasLease = client.clock.now() < this.#renewedAt + LEASE;
      // Probably the end is stored, and only the answer was lost.
      if (stream.end !== undefined && isOtherLife && hasLease) return this.#finishStored();
      return this.#onTakenOver(meta);
    }
    if (meta.end !== undefined) {
      this.#learnStored(meta);
      this.#endAs(meta.end);
      return;
    }
    if (meta.leaseLeftMs <= 0) await client.lost(id, meta.fence, { status: "lost" });
    await new Promise<void>((resolve) => client.clock.after(FENCED_RETRY, resolve));
  }

  #onTakenOver(meta: StoreMeta): void {
    const { client, stream, onHandedOver } = this.#options;
    const error = takenOverError(stream.id);
    const cancelRequest = stream.revokeSession(error);
    const isEndLost = stream.end !== undefined && stream.end.status !== "cancelled";
    if (isEndLost) client.report("failed", { id: stream.id, stage: "store", error });
    this.#stop();
    onHandedOver(meta, cancelRequest);
  }

  /** The store knows that the stream waits for another producer, which may be in any process. */
  #handOver(interruption: Interruption): void {
    const { stream, onHandedOver } = this.#options;
    this.#stop();
    onHandedOver(toInterruptedMeta(stream, this.#fence, interruption));
  }

  #endAs({ status }: StoredEnd): void {
    const { stream, client } = this.#options;
    const message = `The store has the stream as ${status}.`;
    const cause = new HoldfastError("STORE_UNAVAILABLE", message, { retryable: true });
    if (stream.end === undefined) stream.abort(status, cause);
    else if (stream.end.status !== status) {
      stream.correctEnd(status);
      client.report("failed", { id: stream.id, stage: "store", error: cause });
    }
    this.#finish();
  }

  #finishStored(): void {
    this.backlog.setLast(this.#options.stream.log.last);
    this.#finish();
  }

  #finish(): void {
    this.#stop();
    this.#options.onStored();
  }
}
