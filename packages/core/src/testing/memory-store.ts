import type { Clock } from "../base/clock.ts";
import {
  appendToHead,
  cancelHead,
  createHintListeners,
  keyOf,
  loseHead,
  openHead,
  readHead,
  type StreamHead,
} from "../store-kit/index.ts";
import type { PageLimits, Store, StoreHint } from "../store/store.ts";

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

/** One life of an id. All of it is replaced, and never changed, so that a copy can share it. */
interface Log {
  readonly head: StreamHead;
  /** Those from `head.first` to `head.last`. */
  readonly frames: readonly Uint8Array[];
  /** For a channel, the number of the last batch of each producer. */
  readonly batches: ReadonlyMap<string, number>;
}

/** Implements every rule of {@link Store}. Hints arrive in the next turn of `clock`. */
export function createMemoryStore({ clock }: MemoryStoreOptions): MemoryStore {
  let logs = new Map<string, Log>();
  let markers = 0;
  let marker = `${++markers}`;
  const listeners = createHintListeners({
    onError(error) {
      throw error;
    },
  });

  function sendHint(id: string, why: StoreHint): void {
    clock.soon(() => listeners.notify(keyOf(id), why));
  }

  function find(id: string): Log | undefined {
    return logs.get(keyOf(id));
  }

  function save(id: string, log: Log): void {
    const { first, last } = log.head;
    logs.set(keyOf(id), { ...log, frames: log.frames.slice(log.frames.length - (last - first + 1)) });
  }

  function rouse(): void {
    clock.soon(() => listeners.notifyAll());
  }

  return {
    async open(id, options) {
      const log = find(id);
      const { opened, head, isNewLife, isNews } = openHead(log?.head, options, clock.now());
      const kept = isNewLife ? undefined : log;
      if (head !== undefined)
        save(id, { head, frames: kept?.frames ?? [], batches: kept?.batches ?? new Map() });
      if (isNews) sendHint(id, "changed");
      return opened;
    },
    async append(id, append) {
      const log = find(id);
      const { batch } = append;
      const lastBatch = batch === undefined ? undefined : log?.batches.get(batch.producer);
      const result = appendToHead(log?.head, append, clock.now(), lastBatch);
      if (log !== undefined && result.head !== undefined) {
        const frames = [...log.frames, ...result.frames.map((frame) => frame.slice())];
        const batches = new Map(log.batches);
        if (batch !== undefined && result.isNewBatch) batches.set(batch.producer, batch.number);
        save(id, { head: result.head, frames, batches });
      }
      if (result.isNews) sendHint(id, "changed");
      return result.appended;
    },
    async read(id, after, limits) {
      const log = find(id);
      const found = readHead(log?.head, after, clock.now());
      if (found.code !== "ok" || log === undefined) return found as Exclude<typeof found, { code: "ok" }>;
      const { code, meta, next } = found;
      return { code, meta, frames: pageOf(log.frames.slice(next - meta.first), limits) };
    },
    wake: listeners.wake,
    async cancel(id, reason, graceMs = 0) {
      const log = find(id);
      const head = cancelHead(log?.head, reason, graceMs, clock.now());
      if (log === undefined || head === undefined) return false;
      save(id, { ...log, head });
      sendHint(id, "cancel");
      return true;
    },
    async lost(id, fence, end) {
      const log = find(id);
      const head = loseHead(log?.head, fence, end, clock.now());
      if (log === undefined || head === undefined) return false;
      save(id, { ...log, head });
      sendHint(id, "changed");
      return true;
    },
    async delete(id) {
      if (logs.delete(keyOf(id))) sendHint(id, "changed");
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
      if (log === undefined) return;
      const { first, last } = log.head;
      save(id, { ...log, head: { ...log.head, first: Math.max(first, last - keep + 1) } });
    },
    copy() {
      const saved = { logs: new Map(logs), marker };
      return () => {
        logs = new Map(saved.logs);
        marker = saved.marker;
        rouse();
      };
    },
    rouse,
  };
}

function pageOf(frames: readonly Uint8Array[], limits: PageLimits): readonly Uint8Array[] {
  let bytes = 0;
  const isBeyond = (frame: Uint8Array, index: number): boolean => {
    bytes += frame.length;
    return index >= limits.frames || (index > 0 && bytes > limits.bytes);
  };
  const end = frames.findIndex(isBeyond);
  return end === -1 ? frames : frames.slice(0, end);
}
