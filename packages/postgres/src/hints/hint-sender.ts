import type { Clock, StoreHint } from "@holdfast/core";
import type { Database } from "../database.ts";
import { channelOf, encodeHint, encodePayloads } from "./channels.ts";

/**
 * Hints of this long share a statement, in ms. A NOTIFY takes a lock of the whole server at its commit: one for each append
 * would make appends several times slower.
 */
const INTERVAL = 5;

export interface HintSenderOptions {
  readonly database: Database;
  readonly schema: string;
  /** Names this store. */
  readonly origin: string;
  readonly clock: Clock;
}

/** Sends hints to the other processes: the first at once, and those behind it together. */
export class HintSender {
  readonly #options: HintSenderOptions;
  #waiting = new Map<string, Set<string>>();
  /** Sends what waits. */
  #next: Promise<void> | undefined;
  /** Resolves when the next statement may be sent. */
  #ready: Promise<unknown> = Promise.resolve();

  constructor(options: HintSenderOptions) {
    this.#options = options;
  }

  /** Resolves when the hint is sent. Rejects with `STORE_UNAVAILABLE`: then it is lost. */
  send(key: string, why: StoreHint): Promise<void> {
    const channel = channelOf(this.#options.schema, key);
    const lines = this.#waiting.get(channel) ?? new Set();
    this.#waiting.set(channel, lines.add(encodeHint(key, why)));
    this.#next ??= this.#ready.then(() => this.#flush());
    return this.#next;
  }

  async #flush(): Promise<void> {
    const { database, origin, clock } = this.#options;
    const waiting = this.#waiting;
    this.#waiting = new Map();
    this.#next = undefined;
    const pairs = Array.from(waiting, ([channel, lines]) =>
      encodePayloads(origin, lines).map((payload) => [channel, payload]),
    ).flat();
    // Hints need not survive the server: the commit does not wait for its disk.
    const text = `SELECT set_config('synchronous_commit', 'off', true), pg_notify(c, p)
      FROM unnest($1::text[], $2::text[]) AS u (c, p)`;
    const sent = database.query(text, [pairs.map(([channel]) => channel), pairs.map(([, line]) => line)]);
    const pause = new Promise<void>((resolve) => clock.after(INTERVAL, resolve));
    this.#ready = Promise.allSettled([sent, pause]);
    await sent;
  }
}
