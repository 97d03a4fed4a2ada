import { existsError, HoldfastError } from "../base/errors.ts";
import type { ResolvedStream } from "../connection/options.ts";
import { withoutId } from "../protocol/check-event.ts";
import { encodeEvent } from "../protocol/encode.ts";
import type { SseEvent } from "../protocol/event.ts";
import { makeEpoch } from "../protocol/event-id.ts";
import { eventTooLarge, eventSizeLimit } from "../protocol/event-size.ts";
import type { StreamTable } from "../stream/stream-table.ts";
import { ChannelProducer } from "./channel-producer.ts";
import type { StoreClient } from "./store-client.ts";
import { toStoreLimits, toStoreOpen } from "./store-options.ts";

/** What the `id:` line of a channel's frame takes at most. */
const ID_LINE = 48;

/** The channels of the store, as far as this process pushes to them or reads them. */
export class StoreChannels {
  readonly #client: StoreClient;
  readonly #table: StreamTable;
  readonly #defaults: ResolvedStream;
  readonly #producers = new Map<string, ChannelProducer>();
  readonly #openings = new Map<string, Promise<string>>();
  /** Names this process among the producers of each channel. */
  readonly #producerName: string;
  #batches = 0;
  /** How many events were dropped for which no producer was created, since the observer was last told. */
  #dropped = 0;

  constructor(client: StoreClient, table: StreamTable, defaults: ResolvedStream) {
    this.#client = client;
    this.#table = table;
    this.#defaults = defaults;
    this.#producerName = makeEpoch(client.random);
  }

  /** For how long the store keeps a channel without a push, in ms. */
  get ttl(): number {
    return toStoreLimits("channel", this.#defaults).ttlMs;
  }

  /** Resolves when everything pushed is stored, or given up. */
  async settled(): Promise<void> {
    await Promise.all(Array.from(this.#producers.values(), (producer) => producer.settled));
  }

  /** @throws `INVALID_EVENT`, `EVENT_TOO_LARGE` */
  push(id: string, event: SseEvent): void {
    const { buffer, maxEventBytes } = this.#defaults;
    const frame = encodeEvent(withoutId(event));
    const size = frame.length + ID_LINE;
    const limit = eventSizeLimit(maxEventBytes, buffer.bytes);
    if (size > limit) throw eventTooLarge(size, limit);
    const producer = this.#producers.get(id);
    if (producer !== undefined) producer.push(frame);
    else if (this.#createProducer(id, frame)) this.#reportDropped();
    else this.#dropped++;
  }

  /**
   * The epoch of a channel, which is created if the store does not have it.
   *
   * @throws `STREAM_EXISTS`, `STORE_UNAVAILABLE`, `REGISTRY_CLOSED`
   */
  open(id: string): Promise<string> {
    const opening = this.#openings.get(id) ?? this.#open(id);
    this.#openings.set(id, opening);
    return opening;
  }

  /** What the store has of a channel is older than what was read from it: the next event has to begin another life. */
  async deleteLife(id: string, epoch: string): Promise<void> {
    const page = await this.#client.readHead(id);
    if (page.code !== "missing" && page.meta.epoch === epoch) await this.#client.delete(id);
  }

  /** Gives up what is not stored. */
  stop(): void {
    for (const id of this.#producers.keys()) this.#close(id);
    this.#reportDropped();
  }

  #reportDropped(): void {
    if (this.#dropped === 0) return;
    const message = `Events dropped, because too many waited for the store: ${this.#dropped}.`;
    this.#dropped = 0;
    const error = new HoldfastError("LIMIT_EXCEEDED", message);
    this.#client.report("failed", { id: undefined, stage: "store", error });
  }

  /** Creates a producer with its first frame. Returns false if there is no room. */
  #createProducer(id: string, frame: Uint8Array): boolean {
    const table = this.#table;
    const producer = new ChannelProducer({
      client: this.#client,
      id,
      producer: this.#producerName,
      nextNumber: () => ++this.#batches,
      bytes: this.#defaults.buffer.bytes,
      ttlMs: this.ttl,
      open: () => this.open(id),
      onWentBack: (epoch) => this.deleteLife(id, epoch),
      reserve: (bytes) => table.reserve(bytes),
      release: (bytes) => table.release(bytes),
      onEmptyChanged: (isEmpty) => {
        table.outboxes.setEmpty(id, isEmpty);
        if (isEmpty) table.limitOutboxes();
      },
      onIdle: () => this.#close(id),
    });
    if (!producer.push(frame)) return false;
    this.#producers.set(id, producer);
    table.outboxes.add(id, table.get(id) !== undefined, () => this.#close(id));
    table.limitOutboxes();
    return true;
  }

  #close(id: string): void {
    const producer = this.#producers.get(id);
    this.#producers.delete(id);
    this.#table.outboxes.delete(id);
    producer?.stop();
  }

  async #open(id: string): Promise<string> {
    try {
      const opened = await this.#client.open(id, toStoreOpen("channel", this.#defaults, this.#client.random));
      if (opened.role === "reader") throw existsError({ id, kind: opened.meta.kind });
      return opened.epoch;
    } finally {
      this.#openings.delete(id);
    }
  }
}
