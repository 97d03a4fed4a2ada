import type { ResolvedStream } from "../connection/options.ts";
import { withoutId } from "../protocol/check-event.ts";
import { encodeEvent } from "../protocol/encode.ts";
import type { SseEvent } from "../protocol/event.ts";
import { makeEpoch } from "../protocol/event-id.ts";
import { eventTooLarge, eventSizeLimit } from "../protocol/event-size.ts";
import { existsError } from "../stream/stream-table.ts";
import { ChannelProducer } from "./channel-producer.ts";
import type { StoreClient } from "./store-client.ts";
import { toStoreLimits, toStoreOpen } from "./store-options.ts";

/** What the `id:` line of a channel's frame takes at most. */
const ID_LINE = 48;

/** The channels of the store, as far as this process pushes to them or reads them. */
export class StoreChannels {
  readonly #client: StoreClient;
  readonly #defaults: ResolvedStream;
  readonly #producers = new Map<string, ChannelProducer>();
  readonly #openings = new Map<string, Promise<string>>();
  /** Names this process among the producers of each channel. */
  readonly #producerName: string;
  #batches = 0;

  constructor(client: StoreClient, defaults: ResolvedStream) {
    this.#client = client;
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
    const producer = this.#producers.get(id) ?? this.#createProducer(id);
    producer.push(frame);
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
    for (const producer of this.#producers.values()) producer.stop();
  }

  #createProducer(id: string): ChannelProducer {
    const producer = new ChannelProducer({
      client: this.#client,
      id,
      producer: this.#producerName,
      nextNumber: () => ++this.#batches,
      bytes: this.#defaults.buffer.bytes,
      ttlMs: this.ttl,
      open: () => this.open(id),
      onWentBack: (epoch) => this.deleteLife(id, epoch),
      onIdle: () => void this.#producers.delete(id),
    });
    this.#producers.set(id, producer);
    return producer;
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
