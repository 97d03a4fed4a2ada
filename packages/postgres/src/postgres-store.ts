import {
  type Clock,
  HoldfastError,
  type Observer,
  type Store,
  type StoreHint,
  systemClock,
} from "@holdfast/core";
import { createReport, makeMarker, toInteger } from "@holdfast/core/internal";
import { createHealth, keyOf } from "@holdfast/core/store-kit";
import { Database } from "./database.ts";
import { type Decoded, decodeAppended, decodeOpened, decodePage, encodeError } from "./heads.ts";
import { createHints } from "./hints/hints.ts";
import { checkSchema, DEFAULT_SCHEMA, migrate } from "./migrate.ts";
import { OutboxPoller } from "./outbox-poller.ts";
import type { PostgresPool } from "./pool.ts";

/** Options of {@link postgresStore}. */
export interface PostgresStoreOptions {
  /**
   * The service's own pool: a `Pool` of `pg`. The store takes a client for each call, and never ends the pool. While somebody
   * reads or produces it keeps one client for notifications, so that the pool needs room for two at least.
   */
  readonly pool: PostgresPool;
  /**
   * The pool for the connection that listens, if `pool` connects through a pooler that does not pass notifications on, such
   * as PgBouncer in transaction mode: one of direct connections, with room for one.
   *
   * @default pool
   */
  readonly listenPool?: PostgresPool;
  /** The schema that `migrate` has created. @default "holdfast" */
  readonly schema?: string;
  /**
   * `on`: an append waits for the disk of the server. `off`: it does not, which is about three times faster on one stream; a
   * server that crashes may lose the last moments, which producers that live send again. It concerns appends only: what a
   * transaction pushes is as durable as the transaction.
   *
   * @default the setting of the connection, which is `on` unless somebody has changed it
   */
  readonly synchronousCommit?: "on" | "off";
  /** How long a call may take, in ms. @default 5_000 */
  readonly timeout?: number;
  /** How often a process that reads or produces asks for what transactions have pushed, in ms. @default 20 */
  readonly pollInterval?: number;
  /**
   * Its `failed` is called, with the stage `store`, when the connection for notifications fails, and once when what
   * transactions push cannot be moved into its channels.
   *
   * @default console.warn
   */
  readonly observer?: Observer;
  /** For time-outs and reconnections; leases run by the clock of the server. @default systemClock */
  readonly clock?: Clock;
  /** Returns random numbers in [0, 1). @default Math.random */
  readonly random?: () => number;
}

/** A {@link Store} in a schema of a Postgres. */
export interface PostgresStore extends Store {
  /**
   * Creates the schema if there is none, and else brings its functions up to date: call it before a release is started, or when
   * the process starts. It needs the right to create in the database. Idempotent.
   *
   * @throws (as a rejection) `STORE_UNAVAILABLE`
   */
  migrate(): Promise<void>;
  /** Returns the text that names the data of the schema. */
  marker(): Promise<string>;
}

/**
 * A store in the service's own Postgres, from version 13 on. Every call that Postgres cannot serve rejects with
 * `STORE_UNAVAILABLE`, retryable, with the reason in its message and the error of `pg` as its `cause`.
 *
 * @throws `INVALID_OPTION`
 *
 * @example
 * const pool = new Pool({ connectionString: process.env.DATABASE_URL });
 * const jobs = createRegistry({ store: postgresStore({ pool }) });
 */
export function postgresStore(options: PostgresStoreOptions): PostgresStore {
  const { pool, listenPool = pool, schema = DEFAULT_SCHEMA, synchronousCommit } = options;
  const { timeout = 5_000, pollInterval = 20, clock = systemClock, random = Math.random } = options;
  check(options);

  const health = createHealth();
  const report = createReport(options.observer);
  const database = new Database({ pool, schema, timeout, clock, health });
  const poller = new OutboxPoller({
    database,
    schema,
    clock,
    interval: pollInterval,
    report,
    onMoved: (key) => hint(key, "changed"),
  });
  const hints = createHints({
    database,
    listenPool,
    schema,
    timeout,
    clock,
    random,
    report,
    onActive: (isActive) => poller.setActive(isActive),
    onOutbox: () => poller.poll(),
  });
  const queues = new Map<string, Promise<unknown>>();

  /** A hint that is lost only costs time, and the health tells why it was lost. */
  function hint(key: string, why: StoreHint): void {
    hints.send(key, why).catch(() => undefined);
  }

  /** Writes to one key keep their order, which the clients of a pool would not. */
  function inOrder<T>(key: string, run: () => Promise<T>): Promise<T> {
    const result = (queues.get(key) ?? Promise.resolve()).then(run);
    const settled = result
      .catch(() => undefined)
      .then(() => {
        if (queues.get(key) === settled) queues.delete(key);
      });
    queues.set(key, settled);
    return result;
  }

  async function write<T>(
    id: string,
    name: string,
    values: readonly unknown[],
    decode: (result: unknown) => Decoded<T>,
    why: StoreHint = "changed",
  ): Promise<T> {
    const key = keyOf(id);
    const { value, isNews } = decode(await inOrder(key, () => database.value(name, [key, ...values])));
    if (isNews) hint(key, why);
    return value;
  }

  return {
    open: (id, open) =>
      write(
        id,
        "open",
        [
          open.kind,
          open.epoch,
          toInteger(open.leaseMs),
          toInteger(open.ttlMs),
          toInteger(open.keep),
          open.ifExists ?? "throw",
          open.lapsedFence ?? null,
          toInteger(open.retryWindowMs ?? 0),
          open.restoreFence ?? null,
          open.restoreLast ?? 0,
          JSON.stringify(open.restoreJoints ?? []),
          open.keepBytes === undefined ? null : toInteger(open.keepBytes),
        ],
        decodeOpened,
      ),

    append: (id, { epoch, fence, from, frames, leaseMs, ttlMs, end, batch, interrupt }) =>
      write(
        id,
        "append",
        [
          epoch,
          fence,
          from ?? null,
          Buffer.concat(frames),
          frames.map((frame) => frame.length),
          toInteger(leaseMs),
          toInteger(ttlMs),
          end?.status ?? null,
          encodeError(end?.error),
          batch?.producer ?? null,
          batch?.number ?? null,
          interrupt === undefined ? null : toInteger(interrupt.retryWindowMs),
          encodeError(interrupt?.error),
          synchronousCommit ?? "",
        ],
        decodeAppended,
      ),

    async read(id, after, limits) {
      const values = [keyOf(id), after?.seq ?? null, toInteger(limits.frames), toInteger(limits.bytes)];
      return decodePage((await database.call("read", "read", values))[0], after);
    },

    cancel: (id, reason, graceMs = 0) =>
      write(id, "cancel", [JSON.stringify(reason), toInteger(graceMs)], toBoolean, "cancel"),
    lost: (id, fence, end) => write(id, "lost", [fence, end.status, encodeError(end.error)], toBoolean),
    delete: async (id) => void (await write(id, "forget", [], toBoolean)),
    hintDisconnect: async (id) => hints.send(keyOf(id), "disconnect"),
    marker: async () => String(await database.value("marker", [makeMarker(random)])),
    migrate: () => migrate(pool, schema),
    wake: hints.wake,
    health: (onChange) => health.addListener(onChange),
  };
}

function toBoolean(result: unknown): Decoded<boolean> {
  const isChanged = result === true || result === "t";
  return { value: isChanged, isNews: isChanged };
}

function check({ pool, listenPool, schema, synchronousCommit, ...times }: PostgresStoreOptions): void {
  if (typeof pool?.connect !== "function") throw invalid("`pool` with the method `connect`: a Pool of `pg`");
  if (listenPool !== undefined && typeof listenPool.connect !== "function") {
    throw invalid("`listenPool` with the method `connect`: a Pool of `pg`");
  }
  const { max } = (pool as { options?: { max?: unknown } }).options ?? {};
  if (listenPool === undefined && max === 1)
    throw invalid("a `pool` of two clients at least, or a `listenPool`");
  if (schema !== undefined) checkSchema(schema);
  if (synchronousCommit !== undefined && !["on", "off"].includes(synchronousCommit)) {
    throw invalid('`synchronousCommit` as "on" or "off"');
  }
  for (const name of ["timeout", "pollInterval"] as const) {
    const value = times[name] ?? 1;
    if (!(Number.isFinite(value) && value > 0))
      throw invalid(`\`${name}\` as a positive number of milliseconds`);
  }
}

function invalid(expected: string): HoldfastError {
  return new HoldfastError("INVALID_OPTION", `postgresStore needs ${expected}.`, { expose: false });
}
