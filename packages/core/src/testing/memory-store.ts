import type { Clock } from "../base/clock.ts";
import type {
  OnWake,
  PageLimits,
  Store,
  StoreAppend,
  StoreAppended,
  StoreCursor,
  StoredEnd,
  StoreMeta,
  StoreOpen,
  StoreOpened,
  StorePage,
  StoreWake,
} from "../store/store.ts";

export interface MemoryStoreOptions {
  readonly clock: Clock;
}

/** A {@link Store} in memory, for the registries of one process. Tests can make it lose data, as a real one may. */
export interface MemoryStore extends Store {
  /** Removes everything. */
  flush(): void;
  /** Removes the oldest frames of a stream, and keeps `keep` of them. */
  trim(id: string, keep: number): void;
  /** Copies everything. The returned function restores the copy, as a failover to an older replica does. */
  copy(): () => void;
  /** Calls back every `wake` without an id, as after a reconnect during which hints may have been lost. */
  rouse(): void;
}

/** The log of an id, from the open that created its epoch. */
interface Log {
  readonly kind: "stream" | "channel";
  readonly epoch: string;
  fence: number;
  first: number;
  frames: readonly Uint8Array[];
  keep: number;
  leaseUntil: number;
  expiresAt: number;
  /** The mark of the open that last made a producer. */
  by: string;
  end: StoredEnd | undefined;
  cancel: string | undefined;
  /** For a channel, the number of the last batch of each producer. */
  batches: ReadonlyMap<string, number>;
}

/** Implements every rule of {@link Store}. Hints arrive in the next turn of `clock`. */
export function createMemoryStore({ clock }: MemoryStoreOptions): MemoryStore {
  let logs = new Map<string, Log>();
  const wakes = new Set<{ readonly ids: Set<string>; readonly onWake: OnWake }>();

  function find(id: string): Log | undefined {
    const log = logs.get(id);
    if (log === undefined || log.expiresAt > clock.now()) return log;
    logs.delete(id);
    return undefined;
  }

  function sendHint(id: string, why: "changed" | "cancel"): void {
    clock.soon(() => {
      for (const { ids, onWake } of wakes) if (ids.has(id)) onWake(id, why);
    });
  }

  function open(id: string, options: StoreOpen): StoreOpened {
    const { kind, epoch, leaseMs, ttlMs, keep, takeover = false, restoreFence, restoreLast = 0 } = options;
    const log = find(id);
    const by = `${takeover} ${epoch}`;
    const granted = { keep, by, leaseUntil: clock.now() + leaseMs, expiresAt: clock.now() + ttlMs };

    function grant(existing: Log): StoreOpened {
      Object.assign(existing, granted);
      return { role: "producer", epoch: existing.epoch, fence: existing.fence, last: lastOf(existing) };
    }

    function create(fence: number, last: number, cancel?: string): StoreOpened {
      const created = { ...granted, kind, epoch, fence, cancel, first: last + 1, frames: [] };
      logs.set(id, { ...created, end: undefined, batches: new Map() });
      sendHint(id, "changed");
      return { role: "producer", epoch, fence, last };
    }

    if (restoreFence !== undefined) {
      if (log === undefined) return create(restoreFence, restoreLast);
      const isOwn = log.kind === kind && log.epoch === epoch && log.fence <= restoreFence;
      if (!isOwn || log.end !== undefined) return { role: "reader", meta: metaOf(log) };
      if (log.fence === restoreFence && lastOf(log) >= restoreLast) return grant(log);
      return create(restoreFence, restoreLast, log.cancel);
    }
    if (log === undefined) return create(kind === "channel" ? 0 : 1, 0);
    const isRepeated = log.by === by;
    if (log.end !== undefined && log.epoch !== epoch && !isRepeated)
      return create(kind === "channel" ? 0 : log.fence + 1, 0);
    if (log.end !== undefined || log.kind !== kind) return { role: "reader", meta: metaOf(log) };
    if (kind === "channel" || isRepeated) return grant(log);
    if (!takeover) return { role: "reader", meta: metaOf(log) };
    log.fence++;
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
    log.leaseUntil = clock.now() + leaseMs;
    log.expiresAt = clock.now() + ttlMs;
    const isRepeated = batch !== undefined && batch.number <= (log.batches.get(batch.producer) ?? 0);
    const frames = isRepeated
      ? []
      : options.frames.slice(lastOf(log) + 1 - from).map((frame) => frame.slice());
    if (batch !== undefined && !isRepeated)
      log.batches = new Map(log.batches).set(batch.producer, batch.number);
    log.frames = [...log.frames, ...frames];
    trim(log, log.keep);
    if (options.end !== undefined) log.end = options.end;
    if (frames.length > 0 || options.end !== undefined) sendHint(id, "changed");
    return { code: "ok", last: lastOf(log), ...(log.cancel !== undefined && { cancel: log.cancel }) };
  }

  function read(id: string, after: StoreCursor | null, limits: PageLimits): StorePage {
    const log = find(id);
    if (log === undefined) return { code: "missing" };
    const meta = metaOf(log);
    if (after !== null && after.epoch !== log.epoch) return { code: "epoch", meta };
    const seq = after?.seq ?? log.first - 1;
    if (seq > meta.last) return { code: "ahead", meta };
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
    const { kind, epoch, first, fence, end, cancel } = log;
    return {
      kind,
      epoch,
      first,
      last: lastOf(log),
      fence,
      leaseLeftMs: kind === "channel" ? Infinity : log.leaseUntil - clock.now(),
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
      const wake = { ids: new Set(ids), onWake };
      wakes.add(wake);
      return {
        add: (id) => void wake.ids.add(id),
        delete: (id) => void wake.ids.delete(id),
        close: () => void wakes.delete(wake),
      };
    },
    async cancel(id, reason) {
      const log = find(id);
      if (log === undefined || log.end !== undefined || log.kind === "channel") return false;
      log.cancel ??= reason;
      sendHint(id, "cancel");
      return true;
    },
    async lost(id, fence, end) {
      const log = find(id);
      if (log === undefined || log.kind === "channel" || log.end !== undefined) return false;
      if (log.fence !== fence || log.leaseUntil > clock.now()) return false;
      log.end = end;
      sendHint(id, "changed");
      return true;
    },
    async delete(id) {
      if (logs.delete(id)) sendHint(id, "changed");
    },
    health: () => () => undefined,
    flush: () => logs.clear(),
    trim(id, keep) {
      const log = find(id);
      if (log !== undefined) trim(log, keep);
    },
    copy() {
      const saved = copyOf(logs);
      return () => {
        logs = copyOf(saved);
        rouse();
      };
    },
    rouse,
  };
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
