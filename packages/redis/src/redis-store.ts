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
import { createReport, makeMarker, MAX_JOINTS, toInteger } from "@holdfast/core/internal";
import { createHealth } from "@holdfast/core/store-kit";
import { createCommandSender } from "./commands/command-sender.ts";
import { batchKey, channelOf, keysOf, markerKey } from "./commands/keys.ts";
import { decodeAppended, decodeOpened, decodePage, encodeEnd, encodeJoints } from "./commands/replies.ts";
import type { CommandArgument } from "./connectors/connector.ts";
import { createConnector, type RedisClient } from "./connectors/create-connector.ts";
import { createWake } from "./pubsub/hints.ts";
import { createScripts } from "./scripts/index.ts";

/** Options of {@link redisStore}. */
export interface RedisStoreOptions {
  /**
   * The service's own client or cluster, of `redis` 6 or `ioredis` 6. The store neither closes nor changes it. For hints
   * it opens one more connection, a duplicate of this client.
   */
  readonly client: RedisClient;
  /**
   * The library whose methods `client` has. Name it if the store does not recognise the client, for example because a
   * tracing library has wrapped it. The wrapper needs the methods of {@link RedisClient}, `nodeByAddress` for a cluster
   * of `redis`, and `isCluster` for `ioredis`. If the client has a `keyPrefix`, the wrapper also needs the
   * client's `options` (`_options` for a cluster of `redis`).
   *
   * @default recognised by the members of `client`
   */
  readonly connector?: "redis" | "ioredis";
  /** What the names of all keys and channels begin with; without braces. @default "hf:" */
  readonly prefix?: string;
  /** How long Redis may take to answer, in ms. @default 5_000 */
  readonly timeout?: number;
  /** Its `failed` is called, with the stage `store`, when the connection for hints fails. @default console.warn */
  readonly observer?: Observer;
  /** For time-outs and reconnections; leases run by the clock of Redis. @default systemClock */
  readonly clock?: Clock;
  /** Returns random numbers in [0, 1). @default Math.random */
  readonly random?: () => number;
}

/**
 * A store on Redis Streams. Needs Redis 7 or a compatible server. Every call that Redis cannot serve rejects with
 * `STORE_UNAVAILABLE`, retryable, with the error of the client as its `cause`.
 *
 * @throws `INVALID_OPTION`
 *
 * @example
 * const client = await createClient({ url: "redis://localhost" }).connect();
 * const jobs = createRegistry({ store: redisStore({ client }) });
 */
export function redisStore(options: RedisStoreOptions): Store {
  const { prefix = "hf:", timeout = 5_000, clock = systemClock, random = Math.random } = options;
  if (typeof prefix !== "string" || /[{}]/.test(prefix)) {
    throw invalid(`\`prefix\` must be a string without braces, got ${String(prefix)}.`);
  }
  if (!(Number.isFinite(timeout) && timeout > 0)) {
    throw invalid(`\`timeout\` must be a positive number of milliseconds, got ${String(timeout)}.`);
  }

  const connector = createConnector(options.client, options.connector, timeout);
  const scripts = createScripts(connector.sharded);
  const health = createHealth(connector.watchConnection);
  const commands = createCommandSender(connector, health, timeout, clock);
  const keyPrefix = connector.prefix.keys + prefix;
  const channelPrefix = connector.prefix.channels + prefix;
  const wake = createWake({
    connector,
    channelOf: (id) => channelOf(channelPrefix, id),
    timeout,
    clock,
    random,
    report: createReport(options.observer),
  });

  return {
    async open(id, open: StoreOpen) {
      const { meta, frames } = keysOf(keyPrefix, id);
      const reply = await commands.runScript(
        "write",
        scripts.open,
        [meta, frames],
        [
          open.kind,
          open.epoch,
          integer(open.leaseMs),
          integer(open.ttlMs),
          integer(open.keep),
          open.ifExists ?? "throw",
          open.lapsedFence === undefined ? "" : String(open.lapsedFence),
          integer(open.retryWindowMs ?? 0),
          open.restoreFence === undefined ? "" : String(open.restoreFence),
          String(open.restoreLast ?? 0),
          encodeJoints(open.restoreJoints ?? []),
          String(MAX_JOINTS),
          open.keepBytes === undefined ? "" : integer(open.keepBytes),
        ],
      );
      return decodeOpened(reply);
    },

    async append(id, append: StoreAppend) {
      const { meta, frames } = keysOf(keyPrefix, id);
      const { batch, interrupt } = append;
      const args: CommandArgument[] = [
        append.epoch,
        String(append.fence),
        append.from === undefined ? "" : String(append.from),
        integer(append.leaseMs),
        integer(append.ttlMs),
        append.end === undefined ? "" : encodeEnd(append.end),
        batch === undefined ? "" : String(batch.number),
        interrupt === undefined ? "" : integer(interrupt.retryWindowMs),
        interrupt?.error === undefined ? "" : JSON.stringify(interrupt.error),
      ];
      for (const frame of append.frames) {
        args.push(Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength));
      }
      const reply = await commands.runScript(
        "write",
        scripts.append,
        batch === undefined ? [meta, frames] : [meta, frames, batchKey(keyPrefix, id, batch.producer)],
        args,
      );
      return decodeAppended(reply);
    },

    async read(id, after: StoreCursor | null, limits) {
      const { meta, frames } = keysOf(keyPrefix, id);
      const cursor = after === null ? ["", ""] : [after.epoch, String(after.seq)];
      const reply = await commands.runScript(
        "read",
        scripts.read,
        [meta, frames],
        [...cursor, integer(limits.frames), integer(limits.bytes)],
      );
      return decodePage(reply);
    },

    wake,

    async cancel(id, reason, graceMs = 0) {
      const { meta } = keysOf(keyPrefix, id);
      return (
        Number(await commands.runScript("write", scripts.cancel, [meta], [reason, integer(graceMs)])) === 1
      );
    },

    async lost(id, fence, end) {
      const { meta } = keysOf(keyPrefix, id);
      return (
        Number(await commands.runScript("write", scripts.lost, [meta], [String(fence), encodeEnd(end)])) === 1
      );
    },

    async delete(id) {
      const { meta, frames } = keysOf(keyPrefix, id);
      await commands.unlink([meta, frames]);
    },

    async marker() {
      const args = [makeMarker(random), integer(MARKER_TTL)];
      return String(await commands.runScript("write", scripts.marker, [markerKey(keyPrefix)], args));
    },

    async hintDisconnect(id) {
      const { meta } = keysOf(keyPrefix, id);
      // A full Redis publishes all the same: it says nothing about writes.
      await commands.runScript("read", scripts.disconnect, [meta], []);
    },

    health: (onChange) => health.addListener(onChange),
  };
}

/** For how long the marker is kept that nobody asks for, in ms: 30 days. */
const MARKER_TTL = 30 * 24 * 3_600_000;

function integer(value: number): string {
  return String(toInteger(value));
}

function invalid(message: string): HoldfastError {
  return new HoldfastError("INVALID_OPTION", message, { expose: false });
}
