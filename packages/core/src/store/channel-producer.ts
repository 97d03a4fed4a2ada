import { backoff } from "../base/backoff.ts";
import { backlogError, HoldfastError } from "../base/errors.ts";
import { LEASE, type StoreClient } from "./store-client.ts";

/** A batch goes out in the next turn, or so long after the last one, in ms, or as soon as there are so many frames. */
const BATCH = { after: 5, frames: 64 };
const FRAME_OVERHEAD = 32;
const MOST = { frames: 1_024, bytes: 262_144 };

export interface ChannelProducerOptions {
  readonly client: StoreClient;
  readonly id: string;
  /** This process among the channel's producers. */
  readonly producer: string;
  /** The next batch's number; rises over all channels and all their lives. */
  readonly nextNumber: () => number;
  /** How many bytes are kept while the store is away. */
  readonly bytes: number;
  readonly ttlMs: number;
  /** Resolves to the channel's present epoch in the store; makes it if need be. */
  readonly open: () => Promise<string>;
  /** The store has gone back to an older copy: what came behind its last event is to be another life. */
  readonly onWentBack: (epoch: string) => Promise<void>;
  /** Nothing was pushed for `ttlMs`. */
  readonly onIdle: () => void;
}

interface Batch {
  readonly number: number;
  readonly frames: readonly Uint8Array[];
}

/**
 * The way of a channel's events from this process to the store, which numbers them: in batches, one at a time, each
 * repeated as it was until it is taken.
 */
export class ChannelProducer {
  readonly #options: ChannelProducerOptions;
  readonly #delay = backoff({ base: 100, cap: 2_000 });
  #frames: Uint8Array[] = [];
  #bytes = 0;
  #batch: Batch | undefined;
  #epoch: string | undefined;
  #last = 0;
  #busy = false;
  #over = false;
  #attempt = 0;
  #sentAt = -Infinity;
  #disarm: (() => void) | undefined;
  #disarmIdle: (() => void) | undefined;
  #resolveEmpty: (() => void)[] = [];

  constructor(options: ChannelProducerOptions) {
    this.#options = options;
  }

  /** @throws `LIMIT_EXCEEDED` while too much waits for the store */
  push(frame: Uint8Array): void {
    const { id, bytes } = this.#options;
    const size = sizeOf(frame);
    if (this.#bytes + size > bytes) throw backlogError(id);
    this.#frames.push(frame);
    this.#bytes += size;
    this.#disarmIdle?.();
    if (this.#busy || this.#attempt > 0) return;
    if (this.#frames.length >= BATCH.frames) void this.#send();
    else this.#disarm ??= this.#arm();
  }

  /** Resolves when everything is stored, or given up. */
  get settled(): Promise<void> {
    if (this.#bytes === 0 || this.#over) return Promise.resolve();
    return new Promise((resolve) => this.#resolveEmpty.push(resolve));
  }

  /** The store is back. */
  hurry(): void {
    if (!this.#busy && this.#attempt > 0) void this.#send();
  }

  /** Gives up what is not stored, and tells of it. */
  stop(): void {
    this.#over = true;
    this.#disarm?.();
    const events = this.#frames.length + (this.#batch?.frames.length ?? 0);
    if (events > 0) {
      const { id, client } = this.#options;
      const error = new HoldfastError("STORE_UNAVAILABLE", `${events} events could not be stored.`);
      client.report("failed", { id, stage: "store", error });
    }
    this.#tellEmpty();
  }

  #arm(): () => void {
    const { clock } = this.#options.client;
    const wait = this.#sentAt + BATCH.after - clock.now();
    const send = (): void => void this.#send();
    return wait > 0 ? clock.after(wait, send) : clock.shortly(send);
  }

  async #send(): Promise<void> {
    this.#disarm?.();
    this.#disarm = undefined;
    if (this.#busy || this.#over) return;
    this.#busy = true;
    this.#sentAt = this.#options.client.clock.now();
    this.#batch ??= { number: this.#options.nextNumber(), frames: this.#take() };
    try {
      await this.#append(this.#batch);
    } catch (error) {
      this.#tell(error);
      this.#attempt++;
    }
    this.#busy = false;
    if (!this.#over) this.#goOn();
  }

  #take(): Uint8Array[] {
    let count = 0;
    let bytes = 0;
    for (const frame of this.#frames.slice(0, MOST.frames)) {
      bytes += frame.length;
      if (count > 0 && bytes > MOST.bytes) break;
      count++;
    }
    return this.#frames.splice(0, count);
  }

  async #append({ number, frames }: Batch): Promise<void> {
    const { client, id, producer, ttlMs, open, onWentBack } = this.#options;
    const epoch = (this.#epoch ??= await open());
    const batch = { producer, number };
    const answer = await client.append(id, { epoch, fence: 0, batch, frames, leaseMs: LEASE, ttlMs });
    if (answer.code !== "ok") {
      this.#attempt++;
      this.#epoch = undefined;
      this.#last = 0;
      return;
    }
    this.#attempt = 0;
    this.#batch = undefined;
    for (const frame of frames) this.#bytes -= sizeOf(frame);
    if (answer.last < this.#last + frames.length) {
      this.#epoch = undefined;
      this.#last = 0;
      await onWentBack(epoch);
    } else this.#last = answer.last;
  }

  #goOn(): void {
    const { client, ttlMs, onIdle } = this.#options;
    const { length } = this.#frames;
    if (this.#attempt > 0) {
      const wait = this.#attempt === 1 ? 0 : this.#delay(this.#attempt - 1, client.random());
      this.#disarm = client.clock.after(wait, () => void this.#send());
    } else if (length > 0) void this.#send();
    else {
      this.#tellEmpty();
      this.#disarmIdle = client.clock.after(ttlMs, onIdle);
    }
  }

  /** The client tells of the store's outages; what is left is an id that a stream has taken. */
  #tell(error: unknown): void {
    const { id, client } = this.#options;
    if (this.#attempt === 0 && (error as HoldfastError).code === "STREAM_EXISTS")
      client.report("failed", { id, stage: "store", error });
  }

  #tellEmpty(): void {
    for (const resolve of this.#resolveEmpty.splice(0)) resolve();
  }
}

/** What a frame that waits is counted for. */
function sizeOf(frame: Uint8Array): number {
  return frame.length + FRAME_OVERHEAD;
}
