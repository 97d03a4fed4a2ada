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

/** A {@link Store} in memory, for the registries of one process: what a real one does, and what can befall it. */
export interface MemoryStore extends Store {
  /** Loses everything. */
  flush(): void;
  /** Forgets the oldest frames of a stream, but for so many. */
  trim(id: string, keep: number): void;
  /** Keeps a copy of everything; the returned function goes back to it, as a fail-over to an older copy does. */
  copy(): () => void;
  /** Tells everyone that hints may have been lost, as after a reconnect. */
  rouse(): void;
}

interface Held {
  readonly kind: "stream" | "channel";
  readonly epoch: string;
  fence: number;
  first: number;
  frames: readonly Uint8Array[];
  keep: number;
  leaseUntil: number;
  expiresAt: number;
  /** The open that holds it. */
  by: string;
  end: StoredEnd | undefined;
  cancel: string | undefined;
  /** The last batch of each of a channel's producers. */
  batches: ReadonlyMap<string, number>;
}

/**
 * The seam's exact semantics without an engine, shared by all registries that are given it. Hints come in the next
 * turn of `clock`.
 */
export function createMemoryStore({ clock }: MemoryStoreOptions): MemoryStore {
  let streams = new Map<string, Held>();
  const wakes = new Set<{ readonly ids: Set<string>; readonly onWake: OnWake }>();

  function find(id: string): Held | undefined {
    const held = streams.get(id);
    if (held === undefined || held.expiresAt > clock.now()) return held;
    streams.delete(id);
    return undefined;
  }

  function wake(id: string, why: "changed" | "cancel"): void {
    clock.soon(() => {
      for (const { ids, onWake } of wakes) if (ids.has(id)) onWake(id, why);
    });
  }

  function open(id: string, options: StoreOpen): StoreOpened {
    const { kind, epoch, leaseMs, ttlMs, keep, takeover = false, restoreFence, restoreLast = 0 } = options;
    const held = find(id);
    const by = `${takeover} ${epoch}`;
    const own = { keep, by, leaseUntil: clock.now() + leaseMs, expiresAt: clock.now() + ttlMs };

    function hold(life: Held): StoreOpened {
      Object.assign(life, own);
      return { role: "producer", epoch: life.epoch, fence: life.fence, last: lastOf(life) };
    }

    function begin(fence: number, last: number, cancel?: string): StoreOpened {
      const life = { ...own, kind, epoch, fence, cancel, first: last + 1, frames: [] };
      streams.set(id, { ...life, end: undefined, batches: new Map() });
      wake(id, "changed");
      return { role: "producer", epoch, fence, last };
    }

    if (restoreFence !== undefined) {
      if (held === undefined) return begin(restoreFence, restoreLast);
      const isItsOwn = held.kind === kind && held.epoch === epoch && held.fence <= restoreFence;
      if (!isItsOwn || held.end !== undefined) return { role: "reader", meta: metaOf(held) };
      if (held.fence === restoreFence && lastOf(held) >= restoreLast) return hold(held);
      return begin(restoreFence, restoreLast, held.cancel);
    }
    if (held === undefined) return begin(kind === "channel" ? 0 : 1, 0);
    // A sign that it made: this open comes again.
    const isAgain = held.by === by;
    if (held.end !== undefined && held.epoch !== epoch && !isAgain)
      return begin(kind === "channel" ? 0 : held.fence + 1, 0);
    if (held.end !== undefined || held.kind !== kind) return { role: "reader", meta: metaOf(held) };
    if (kind === "channel" || isAgain) return hold(held);
    if (!takeover) return { role: "reader", meta: metaOf(held) };
    held.fence++;
    wake(id, "changed");
    return hold(held);
  }

  function append(id: string, options: StoreAppend): StoreAppended {
    const held = find(id);
    if (held === undefined) return { code: "missing" };
    if (held.epoch !== options.epoch || held.fence !== options.fence)
      return { code: "fenced", fence: held.fence };
    const { from = lastOf(held) + 1, batch, leaseMs, ttlMs } = options;
    if (held.end !== undefined) {
      const isAgain = options.end !== undefined && isSame(options.end, held.end);
      if (isAgain && from + options.frames.length - 1 <= lastOf(held))
        return { code: "ok", last: lastOf(held) };
      return { code: "closed", end: held.end };
    }
    if (from > lastOf(held) + 1) return { code: "gap", expected: lastOf(held) + 1 };
    held.leaseUntil = clock.now() + leaseMs;
    held.expiresAt = clock.now() + ttlMs;
    const repeated = batch !== undefined && batch.number <= (held.batches.get(batch.producer) ?? 0);
    const frames = repeated
      ? []
      : options.frames.slice(lastOf(held) + 1 - from).map((frame) => frame.slice());
    if (batch !== undefined && !repeated)
      held.batches = new Map(held.batches).set(batch.producer, batch.number);
    held.frames = [...held.frames, ...frames];
    trim(held, held.keep);
    if (options.end !== undefined) held.end = options.end;
    if (frames.length > 0 || options.end !== undefined) wake(id, "changed");
    const last = lastOf(held);
    return { code: "ok", last, ...(held.cancel !== undefined && { cancel: held.cancel }) };
  }

  function read(id: string, after: StoreCursor | null, limits: PageLimits): StorePage {
    const held = find(id);
    if (held === undefined) return { code: "missing" };
    const meta = metaOf(held);
    if (after !== null && after.epoch !== held.epoch) return { code: "epoch", meta };
    const seq = after?.seq ?? held.first - 1;
    if (seq > meta.last) return { code: "ahead", meta };
    if (seq < held.first - 1) return { code: "trimmed", meta };
    const frames: Uint8Array[] = [];
    let bytes = 0;
    for (const frame of held.frames.slice(seq - held.first + 1)) {
      if (frames.length >= limits.frames || (frames.length > 0 && bytes + frame.length > limits.bytes)) break;
      frames.push(frame);
      bytes += frame.length;
    }
    return { code: "ok", meta, frames };
  }

  function metaOf(held: Held): StoreMeta {
    const { kind, epoch, first, fence, end, cancel } = held;
    return {
      kind,
      epoch,
      first,
      last: lastOf(held),
      fence,
      leaseLeftMs: kind === "channel" ? Infinity : held.leaseUntil - clock.now(),
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
      const listening = { ids: new Set(ids), onWake };
      wakes.add(listening);
      return {
        add: (id) => void listening.ids.add(id),
        delete: (id) => void listening.ids.delete(id),
        close: () => void wakes.delete(listening),
      };
    },
    async cancel(id, reason) {
      const held = find(id);
      if (held === undefined || held.end !== undefined || held.kind === "channel") return false;
      held.cancel ??= reason;
      wake(id, "cancel");
      return true;
    },
    async lost(id, fence, end) {
      const held = find(id);
      if (held === undefined || held.kind === "channel" || held.end !== undefined) return false;
      if (held.fence !== fence || held.leaseUntil > clock.now()) return false;
      held.end = end;
      wake(id, "changed");
      return true;
    },
    async delete(id) {
      if (streams.delete(id)) wake(id, "changed");
    },
    health: () => () => undefined,
    flush: () => streams.clear(),
    trim(id, keep) {
      const held = find(id);
      if (held !== undefined) trim(held, keep);
    },
    copy() {
      const kept = copyOf(streams);
      return () => {
        streams = copyOf(kept);
        rouse();
      };
    },
    rouse,
  };
}

function lastOf({ first, frames }: Held): number {
  return first + frames.length - 1;
}

function isSame(a: StoredEnd, b: StoredEnd): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function trim(held: Held, keep: number): void {
  const over = held.frames.length - keep;
  if (over <= 0) return;
  held.frames = held.frames.slice(over);
  held.first += over;
}

/** Frames, batches and ends are replaced, never changed: the copy shares them. */
function copyOf(streams: ReadonlyMap<string, Held>): Map<string, Held> {
  return new Map(Array.from(streams, ([id, held]) => [id, { ...held }]));
}
