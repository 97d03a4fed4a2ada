import { type ErrorCode, HoldfastError } from "../base/errors.ts";
import { Batcher, takeBatch } from "./batcher.ts";
import { LEASE, type StoreClient } from "./store-client.ts";

/** What a waiting frame, and a producer with waiting frames, are counted for beside the bytes of frames. */
const OVERHEAD = { frame: 32, producer: 1_024 };

export interface ChannelProducerOptions {
  readonly client: StoreClient;
  readonly id: string;
  /** Names this process among the producers of the channel. */
  readonly producer: string;
  /** The number of the next batch; it rises over all channels and all their lives. */
  readonly nextNumber: () => number;
  /** How many bytes may wait while the store is away. */
  readonly bytes: number;
  /** Counts bytes that wait; returns false if the registry has no room for them. */
  readonly reserve: (bytes: number) => boolean;
  readonly release: (bytes: number) => void;
  /** How long the store keeps everything without an append, in ms. */
  readonly ttlMs: number;
  /** Resolves with the present epoch of the channel in the store; creates the channel if it is not there. */
  readonly open: () => Promise<string>;
  /** The store has returned to an older copy: what comes behind its last event has to be another life. */
  readonly onWentBack: (epoch: string) => Promise<void>;
  /** Called when frames wait again, and when the store has all of them. */
  readonly onEmptyChanged: (isEmpty: boolean) => void;
  /** Nothing was pushed for `ttlMs`. */
  readonly onIdle: () => void;
}

interface Batch {
  readonly number: number;
  readonly frames: readonly Uint8Array[];
}

/**
 * Sends what this process pushes to a channel to the store, which numbers the frames. Each batch is repeated unchanged until
 * the store takes it.
 */
export class ChannelProducer {
  readonly #options: ChannelProducerOptions;
  readonly #batcher: Batcher;
  readonly #frames: Uint8Array[] = [];
  #bytes = 0;
  /** How many events were dropped since the observer was last told. */
  #dropped = 0;
  /** The batch that is under way or has to be repeated. */
  #batch: Batch | undefined;
  /** The epoch that the store has, as far as is known, and its last number. */
  #epoch: string | undefined;
  #last = 0;
  #isOver = false;
  #cancelIdleTimer: () => void = () => undefined;
  #waitingUntilEmpty: (() => void)[] = [];

  constructor(options: ChannelProducerOptions) {
    this.#options = options;
    this.#batcher = new Batcher({
      client: options.client,
      send: () => this.#send(),
      next: () => this.#nextSend(),
    });
  }

  /**
   * Drops the frame, and returns false, if too much waits for the store. The observer is told when the store takes events
   * again.
   */
  push(frame: Uint8Array): boolean {
    const { bytes, reserve, onEmptyChanged } = this.#options;
    const size = sizeOf(frame);
    const isFirst = this.#bytes === 0;
    if (this.#bytes + size > bytes || !reserve(isFirst ? size + OVERHEAD.producer : size)) {
      this.#dropped++;
      return false;
    }
    this.#frames.push(frame);
    this.#bytes += size;
    this.#cancelIdleTimer();
    if (isFirst) onEmptyChanged(false);
    this.#batcher.request(this.#frames.length);
    return true;
  }

  /** Resolves when everything is stored, or given up. */
  get settled(): Promise<void> {
    if (this.#bytes === 0 || this.#isOver) return Promise.resolve();
    return new Promise((resolve) => this.#waitingUntilEmpty.push(resolve));
  }

  /** Gives up what is not stored, and reports it. */
  stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelIdleTimer();
    this.#batcher.stop();
    this.#release(this.#bytes);
    const events = this.#frames.length + (this.#batch?.frames.length ?? 0);
    this.#report(events, "STORE_UNAVAILABLE", "Events that could not be stored");
    this.#reportDropped();
    this.#resolveEmpty();
  }

  async #send(): Promise<boolean> {
    this.#batch ??= { number: this.#options.nextNumber(), frames: this.#takeFrames() };
    try {
      return await this.#append(this.#batch);
    } catch (error) {
      this.#reportTakenId(error);
      throw error;
    }
  }

  #takeFrames(): readonly Uint8Array[] {
    const frames = takeBatch(this.#frames);
    this.#frames.splice(0, frames.length);
    return frames;
  }

  async #append({ number, frames }: Batch): Promise<boolean> {
    const { client, id, producer, ttlMs, open, onWentBack } = this.#options;
    const epoch = (this.#epoch ??= await open());
    const batch = { producer, number };
    const answer = await client.append(id, { epoch, fence: 0, batch, frames, leaseMs: LEASE, ttlMs });
    if (this.#isOver) return true;
    if (answer.code !== "ok") {
      this.#forgetLife();
      return false;
    }
    this.#batch = undefined;
    this.#reportDropped();
    this.#release(frames.reduce((sum, frame) => sum + sizeOf(frame), 0));
    const expected = this.#last + frames.length;
    this.#last = answer.last;
    if (answer.last < expected) {
      this.#forgetLife();
      await onWentBack(epoch);
    }
    return true;
  }

  #release(bytes: number): void {
    if (bytes === 0) return;
    this.#bytes -= bytes;
    this.#options.release(this.#bytes === 0 ? bytes + OVERHEAD.producer : bytes);
  }

  #forgetLife(): void {
    this.#epoch = undefined;
    this.#last = 0;
  }

  #nextSend(): number | undefined {
    const { client, ttlMs, onEmptyChanged, onIdle } = this.#options;
    if (this.#batch !== undefined || this.#frames.length > 0) return 0;
    this.#resolveEmpty();
    onEmptyChanged(true);
    this.#cancelIdleTimer();
    if (!this.#isOver) this.#cancelIdleTimer = client.clock.after(ttlMs, onIdle);
    return undefined;
  }

  /** The client reports outages; what is left is an id that a stream has taken. */
  #reportTakenId(error: unknown): void {
    const { id, client } = this.#options;
    const isTaken = HoldfastError.is(error) && error.code === "STREAM_EXISTS";
    if (isTaken && !this.#batcher.isRetrying) client.report("failed", { id, stage: "store", error });
  }

  #reportDropped(): void {
    this.#report(this.#dropped, "LIMIT_EXCEEDED", "Events dropped, because too many waited for the store");
    this.#dropped = 0;
  }

  #report(events: number, code: ErrorCode, what: string): void {
    const { id, client } = this.#options;
    if (events === 0) return;
    const error = new HoldfastError(code, `${what}: ${events}.`);
    client.report("failed", { id, stage: "store", error });
  }

  #resolveEmpty(): void {
    for (const resolve of this.#waitingUntilEmpty.splice(0)) resolve();
  }
}

function sizeOf(frame: Uint8Array): number {
  return frame.length + OVERHEAD.frame;
}
