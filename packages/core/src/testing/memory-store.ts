import type { Clock } from "../base/clock.ts";
import type { PublicError } from "../base/errors.ts";
import { check } from "../base/validate.ts";
import { addJoint, type Joint, lastOf as lastOfEpoch } from "../protocol/cursor.ts";
import { isStreamId } from "../protocol/event-id.ts";
import type {
  OnWake,
  PageLimits,
  Store,
  StoreAppend,
  StoreAppended,
  StoreCursor,
  StoredEnd,
  StoreHint,
  StoreMeta,
  StoreOpen,
  StoreOpened,
  StorePage,
  StoreWake,
} from "../store/store.ts";

/** Options of `createMemoryStore`. */
export interface MemoryStoreOptions {
  /** The clock of the registries that use the store: leases run by it. */
  readonly clock: Clock;
}

/** A {@link Store} in memory, for the registries of one process. Tests can make it lose data, as a real one may. */
export interface MemoryStore extends Store {
  marker(): Promise<string>;
  /** Removes everything. */
  flush(): void;
  /** Removes the oldest frames of a stream, and keeps `keep` of them. */
  trim(id: string, keep: number): void;
  /** Copies everything. The returned function restores the copy, as a failover to an older replica does. */
  copy(): () => void;
  /** Calls back every `wake` without an id, as after a reconnect during which hints may have been lost. */
  rouse(): void;
}

/** One life of an id. */
interface Log {
  readonly kind: "stream" | "channel";
  epoch: string;
  joints: readonly Joint[];
  fence: number;
  first: number;
  frames: readonly Uint8Array[];
  keep: number;
  leaseUntil: number;
  expiresAt: number;
  retryWindow: number;
  error: PublicError | undefined;
  end: StoredEnd | undefined;
  cancel: string | undefined;
  cancelGraceMs: number;
  /** For a channel, the number of the last batch of each producer. */
  batches: ReadonlyMap<string, number>;
}

/** Implements every rule of {@link Store}. Hints arrive in the next turn of `clock`. */
export function createMemoryStore({ clock }: MemoryStoreOptions): MemoryStore {
  let logs = new Map<string, Log>();
  let markers = 0;
  let marker = `${++markers}`;
  const wakes = new Set<{ readonly ids: Set<string>; readonly onWake: OnWake }>();

  function find(id: string): Log | undefined {
    checkId(id);
    const log = logs.get(id);
    if (log === undefined || log.expiresAt > clock.now()) return log;
    logs.delete(id);
    return undefined;
  }

  function sendHint(id: string, why: StoreHint): void {
    clock.soon(() => {
      for (const { ids, onWake } of wakes) if (ids.has(id)) onWake(id, why);
    });
  }

  function open(id: string, options: StoreOpen): StoreOpened {
    const { kind, epoch, leaseMs, ttlMs, keep, retryWindowMs = 0 } = options;
    const { ifExists = "throw", lapsedFence, restoreFence, restoreLast = 0, restoreJoints = [] } = options;
    const log = find(id);
    const granted = {
      keep,
      leaseUntil: clock.now() + leaseMs,
      expiresAt: clock.now() + ttlMs,
      retryWindow: retryWindowMs,
      error: undefined,
    };

    function grant(existing: Log): StoreOpened {
      Object.assign(existing, granted);
      const { joints, fence } = existing;
      const last = lastOf(existing);
      return { role: "producer", epoch: existing.epoch, fence, last, ...(joints.length > 0 && { joints }) };
    }

    function create(fence: number, last = 0, joints: readonly Joint[] = [], restored?: Log): StoreOpened {
      const { cancel, cancelGraceMs = 0 } = restored ?? {};
      const created = { ...granted, kind, epoch, joints, fence, cancel, cancelGraceMs, first: last + 1 };
      const next: Log = { ...created, frames: [], end: undefined, batches: new Map() };
      logs.set(id, next);
      sendHint(id, "changed");
      return grant(next);
    }

    function restore(fence: number): StoreOpened {
      if (log === undefined) return create(fence, restoreLast, restoreJoints);
      const isOwn = log.kind === kind && log.epoch === epoch && log.fence <= fence;
      if (!isOwn || log.end !== undefined) return { role: "reader", meta: metaOf(log) };
      if (log.fence === fence && lastOf(log) >= restoreLast) return grant(log);
      return create(fence, restoreLast, restoreJoints, log);
    }

    if (restoreFence !== undefined) return restore(restoreFence);
    if (log === undefined) return create(kind === "channel" ? 0 : 1);
    const mayKeepEnd = ifExists === "append" || lapsedFence !== undefined;
    const refused: StoreOpened = { role: "reader", meta: metaOf(log) };
    const nextFence = kind === "channel" ? 0 : log.fence + 1;
    if (log.end !== undefined) {
      const isFinished = log.end.status === "done" || log.end.status === "cancelled";
      return log.epoch === epoch || (mayKeepEnd && isFinished) ? refused : create(nextFence);
    }
    if (log.kind !== kind) return refused;
    if (kind === "channel" || log.epoch === epoch) return grant(log);
    const isLapsed = log.fence === lapsedFence && log.leaseUntil <= clock.now();
    if (ifExists === "throw" || (lapsedFence !== undefined && !isLapsed)) return refused;
    if (ifExists === "replace") return create(nextFence);
    log.joints = addJoint(log.joints, { epoch: log.epoch, last: lastOf(log) });
    log.epoch = epoch;
    log.fence = nextFence;
    sendHint(id, "changed");
    return grant(log);
  }

  function append(id: string, options: StoreAppend): StoreAppended {
    const log = find(id);
    if (log === undefined) return { code: "missing" };
    if (log.epoch !== options.epoch || log.fence !== options.fence)
      return { code: "fenced", fence: log.fence };
    const { from = lastOf(log) + 1, batch, leaseMs, ttlMs } = options;
    if (log.end !== undefined) {
      const isRepeated = options.end !== undefined && isSame(options.end, log.end);
      if (isRepeated && from + options.frames.length - 1 <= lastOf(log))
        return { code: "ok", last: lastOf(log) };
      return { code: "closed", end: log.end };
    }
    if (from > lastOf(log) + 1) return { code: "gap", expected: lastOf(log) + 1 };
    log.leaseUntil = clock.now() + (options.interrupt === undefined ? leaseMs : 0);
    log.expiresAt = clock.now() + ttlMs;
    log.retryWindow = options.interrupt?.retryWindowMs ?? log.retryWindow;
    log.error = options.interrupt?.error;
    const isRepeated = batch !== undefined && batch.number <= (log.batches.get(batch.producer) ?? 0);
    const frames = isRepeated
      ? []
      : options.frames.slice(lastOf(log) + 1 - from).map((frame) => frame.slice());
    if (batch !== undefined && !isRepeated)
      log.batches = new Map(log.batches).set(batch.producer, batch.number);
    log.frames = [...log.frames, ...frames];
    trim(log, log.keep);
    if (options.end !== undefined) log.end = options.end;
    const isNews = frames.length > 0 || options.end !== undefined || options.interrupt !== undefined;
    if (isNews) sendHint(id, "changed");
    return {
      code: "ok",
      last: lastOf(log),
      ...(log.cancel !== undefined && { cancel: log.cancel }),
      ...(log.cancelGraceMs > 0 && { cancelGraceMs: log.cancelGraceMs }),
    };
  }

  function read(id: string, after: StoreCursor | null, limits: PageLimits): StorePage {
    const log = find(id);
    if (log === undefined) return { code: "missing" };
    const meta = metaOf(log);
    const last = after === null ? meta.last : lastOfEpoch({ ...log, last: meta.last }, after.epoch);
    if (last === undefined) return { code: "epoch", meta };
    const seq = after?.seq ?? log.first - 1;
    if (seq > last) return { code: "ahead", meta };
    if (seq < log.first - 1) return { code: "trimmed", meta };
    const frames: Uint8Array[] = [];
    let bytes = 0;
    for (const frame of log.frames.slice(seq - log.first + 1)) {
      if (frames.length >= limits.frames || (frames.length > 0 && bytes + frame.length > limits.bytes)) break;
      frames.push(frame);
      bytes += frame.length;
    }
    return { code: "ok", meta, frames };
  }

  function metaOf(log: Log): StoreMeta {
    const { kind, epoch, joints, first, fence, retryWindow, error, end, cancel } = log;
    return {
      kind,
      epoch,
      ...(joints.length > 0 && { joints }),
      first,
      last: lastOf(log),
      fence,
      leaseLeftMs: kind === "channel" ? Infinity : log.leaseUntil - clock.now(),
      ...(retryWindow > 0 && { retryWindowMs: retryWindow }),
      ...(error !== undefined && { error }),
      ...(end !== undefined && { end }),
      ...(cancel !== undefined && { cancel }),
    };
  }

  function rouse(): void {
    clock.soon(() => {
      for (const { onWake } of wakes) onWake(undefined, "changed");
    });
  }

  return {
    open: async (id, options) => open(id, options),
    append: async (id, options) => append(id, options),
    read: async (id, after, limits) => read(id, after, limits),
    wake(ids, onWake): StoreWake {
      const wake = { ids: new Set<string>(), onWake };
      const add = (id: string): void => {
        checkId(id);
        wake.ids.add(id);
      };
      for (const id of ids) add(id);
      wakes.add(wake);
      return {
        add,
        delete: (id) => void wake.ids.delete(id),
        close: () => void wakes.delete(wake),
      };
    },
    async cancel(id, reason, graceMs = 0) {
      const log = find(id);
      if (log === undefined || log.end !== undefined || log.kind === "channel") return false;
      if (log.cancel === undefined) Object.assign(log, { cancel: reason, cancelGraceMs: graceMs });
      sendHint(id, "cancel");
      return true;
    },
    async lost(id, fence, end) {
      const log = find(id);
      if (log === undefined || log.kind === "channel" || log.end !== undefined) return false;
      if (log.fence !== fence || log.leaseUntil + log.retryWindow > clock.now()) return false;
      log.end = end;
      sendHint(id, "changed");
      return true;
    },
    async delete(id) {
      checkId(id);
      if (logs.delete(id)) sendHint(id, "changed");
    },
    hintDisconnect: async (id) => sendHint(id, "disconnect"),
    health: () => () => undefined,
    marker: async () => marker,
    flush() {
      logs.clear();
      marker = `${++markers}`;
    },
    trim(id, keep) {
      const log = find(id);
      if (log !== undefined) trim(log, keep);
    },
    copy() {
      const saved = { logs: copyOf(logs), marker };
      return () => {
        logs = copyOf(saved.logs);
        marker = saved.marker;
        rouse();
      };
    },
    rouse,
  };
}

/** @throws `INVALID_OPTION` */
function checkId(id: string): void {
  check(isStreamId(id), "id", "a string of 1 to 256 characters without control characters", id);
}

function lastOf({ first, frames }: Log): number {
  return first + frames.length - 1;
}

function isSame(a: StoredEnd, b: StoredEnd): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function trim(log: Log, keep: number): void {
  const excess = log.frames.length - keep;
  if (excess <= 0) return;
  log.frames = log.frames.slice(excess);
  log.first += excess;
}

/** The copy can share frames, batches and ends, because they are replaced and never changed. */
function copyOf(logs: ReadonlyMap<string, Log>): Map<string, Log> {
  return new Map(Array.from(logs, ([id, log]) => [id, { ...log }]));
}
