import {
  type Clock,
  HoldfastError,
  type Observer,
  type Store,
  type StoreAppend,
  type StoreCursor,
  type StoreOpen,
  systemClock,
} from "@holdfast/core";
import { createReport } from "@holdfast/core/internal";
import { createCaller } from "./caller.ts";
import { portOf, type RedisClient } from "./client.ts";
import { createHealth } from "./health.ts";
import { batchKey, channelOf, keysOf } from "./keys.ts";
import type { Argument } from "./port.ts";
import { encodeEnd, readAppended, readOpened, readPage } from "./replies.ts";
import { createScripts } from "./scripts/index.ts";
import { createWaker } from "./wake.ts";

export interface RedisStoreOptions {
  /**
   * The service's own client, of `redis` 6 or of `ioredis` 6; a cluster too. It is neither closed nor changed. For the
   * hints there is one connection more, a duplicate of it.
   */
  readonly client: RedisClient;
  /** What all keys and channels begin with; without braces. @default "hf:" */
  readonly prefix?: string;
  /** How long Redis may take for an answer, in ms. @default 5_000 */
  readonly timeout?: number;
  /** Told of the connection for the hints when it fails (stage `store`). @default console.warn */
  readonly observer?: Observer;
  readonly clock?: Clock;
  /** Where chance comes from: numbers in [0, 1). @default Math.random */
  readonly random?: () => number;
}

/**
 * A store over Redis Streams, for Redis 7 and what is like it. Whatever it cannot do now it rejects with
 * `STORE_UNAVAILABLE`, retryable, with the client's error as the `cause`.
 *
 * @throws `INVALID_OPTION`
 *
 * @example
 * const client = await createClient({ url: "redis://localhost" }).connect();
 * const jobs = createRegistry({ store: redisStore({ client }) });
 */
export function redisStore(options: RedisStoreOptions): Store {
  const { client, prefix = "hf:", timeout = 5_000, clock = systemClock, random = Math.random } = options;
  if (typeof prefix !== "string" || /[{}]/.test(prefix)) {
    throw invalid(`\`prefix\` must be a string without braces, got ${String(prefix)}.`);
  }
  if (!(Number.isFinite(timeout) && timeout > 0)) {
    throw invalid(`\`timeout\` must be a positive number of milliseconds, got ${String(timeout)}.`);
  }

  const port = portOf(client, timeout);
  const scripts = createScripts(port.sharded);
  const health = createHealth(port.watch);
  const caller = createCaller(port, health, timeout, clock);
  const keyPrefix = port.prefix.keys + prefix;
  const channelPrefix = port.prefix.channels + prefix;
  const waker = createWaker({
    port,
    channelOf: (id) => channelOf(channelPrefix, id),
    timeout,
    clock,
    random,
    report: createReport(options.observer),
  });

  return {
    async open(id, open: StoreOpen) {
      const { meta, frames } = keysOf(keyPrefix, id);
      const answer = await caller.run(
        scripts.open,
        [meta, frames],
        [
          open.kind,
          open.epoch,
          whole(open.leaseMs),
          whole(open.ttlMs),
          whole(open.keep),
          open.takeover === true ? "1" : "",
          open.restoreFence === undefined ? "" : String(open.restoreFence),
          String(open.restoreLast ?? 0),
        ],
      );
      return readOpened(answer);
    },

    async append(id, append: StoreAppend) {
      const { meta, frames } = keysOf(keyPrefix, id);
      const { batch } = append;
      const keys =
        batch === undefined ? [meta, frames] : [meta, frames, batchKey(keyPrefix, id, batch.producer)];
      const args: Argument[] = [
        append.epoch,
        String(append.fence),
        append.from === undefined ? "" : String(append.from),
        whole(append.leaseMs),
        whole(append.ttlMs),
        append.end === undefined ? "" : encodeEnd(append.end),
        batch === undefined ? "" : String(batch.number),
      ];
      for (const frame of append.frames) {
        args.push(Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength));
      }
      return readAppended(await caller.run(scripts.append, keys, args));
    },

    async read(id, after: StoreCursor | null, limits) {
      const { meta, frames } = keysOf(keyPrefix, id);
      const place = after === null ? ["", ""] : [after.epoch, String(after.seq)];
      const answer = await caller.run(
        scripts.read,
        [meta, frames],
        [...place, whole(limits.frames), whole(limits.bytes)],
      );
      return readPage(answer);
    },

    wake: waker,

    async cancel(id, reason) {
      return Number(await caller.run(scripts.cancel, [keysOf(keyPrefix, id).meta], [reason])) === 1;
    },

    async lost(id, fence, end) {
      const { meta } = keysOf(keyPrefix, id);
      return Number(await caller.run(scripts.lost, [meta], [String(fence), encodeEnd(end)])) === 1;
    },

    async delete(id) {
      const { meta, frames } = keysOf(keyPrefix, id);
      await caller.unlink([meta, frames]);
    },

    health: (onChange) => health.listen(onChange),
  };
}

/** The longest that Redis can count with a time that is added to it. */
const MOST = 2 ** 52;

function whole(value: number): string {
  return String(Math.min(Math.ceil(value), MOST));
}

function invalid(message: string): HoldfastError {
  return new HoldfastError("INVALID_OPTION", message, { expose: false });
}
