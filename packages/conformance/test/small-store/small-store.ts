import type { PageLimits, Store, StoreHint } from "@holdfast/core";
import {
  appendToHead,
  cancelHead,
  createHealth,
  createHintListeners,
  keyOf,
  loseHead,
  openHead,
  readHead,
  type StreamHead,
} from "@holdfast/core/store-kit";

/** What the database has of one id. */
interface Row {
  /** A `StreamHead` as JSON. */
  head: string;
  frames: Map<number, Uint8Array>;
  /** The last batch of each producer of a channel. */
  batches: Map<string, number>;
}

/** Stands for a database that several processes share. */
export class Database {
  readonly rows: Map<string, Row> = new Map();
  marker = "";
  readonly hintListeners: Set<(key: string, why: StoreHint) => void> = new Set();
}

export function smallStore(database: Database): Store {
  const health = createHealth();
  const listeners = createHintListeners({ onError: (error) => console.error(error) });
  database.hintListeners.add((key, why) => listeners.notify(key, why));

  function load(key: string): StreamHead | undefined {
    const row = database.rows.get(key);
    return row && (JSON.parse(row.head) as StreamHead);
  }

  function save(key: string, head: StreamHead, frames: readonly Uint8Array[] = []): Row {
    const row = database.rows.get(key) ?? { head: "", frames: new Map(), batches: new Map() };
    row.head = JSON.stringify(head);
    let seq = head.last - frames.length;
    for (const frame of frames) row.frames.set(++seq, frame.slice());
    for (const number of row.frames.keys()) if (number < head.first) row.frames.delete(number);
    database.rows.set(key, row);
    return row;
  }

  function hint(key: string, why: StoreHint): void {
    for (const listener of database.hintListeners) setImmediate(listener, key, why);
  }

  return {
    async open(id, options) {
      const key = keyOf(id);
      const { opened, head, isNewLife, isNews } = openHead(load(key), options, Date.now());
      if (isNewLife) database.rows.delete(key);
      if (head !== undefined) save(key, head);
      if (isNews) hint(key, "changed");
      return opened;
    },

    async append(id, append) {
      const key = keyOf(id);
      const { batch } = append;
      const lastBatch = batch && database.rows.get(key)?.batches.get(batch.producer);
      const result = appendToHead(load(key), append, Date.now(), lastBatch);
      if (result.head !== undefined) {
        const row = save(key, result.head, result.frames);
        if (batch && result.isNewBatch) row.batches.set(batch.producer, batch.number);
      }
      if (result.isNews) hint(key, "changed");
      return result.appended;
    },

    async read(id, after, limits) {
      const key = keyOf(id);
      const found = readHead(load(key), after, Date.now());
      if (found.code !== "ok") return found;
      const { frames } = database.rows.get(key) as Row;
      return { code: "ok", meta: found.meta, frames: page(frames, found.next, limits) };
    },

    async cancel(id, reason, graceMs = 0) {
      const key = keyOf(id);
      const head = cancelHead(load(key), reason, graceMs, Date.now());
      if (head === undefined) return false;
      save(key, head);
      hint(key, "cancel");
      return true;
    },

    async lost(id, fence, end) {
      const key = keyOf(id);
      const head = loseHead(load(key), fence, end, Date.now());
      if (head === undefined) return false;
      save(key, head);
      hint(key, "changed");
      return true;
    },

    async delete(id) {
      if (database.rows.delete(keyOf(id))) hint(keyOf(id), "changed");
    },

    async marker() {
      return (database.marker ||= crypto.randomUUID());
    },

    wake: listeners.wake,
    hintDisconnect: async (id) => hint(keyOf(id), "disconnect"),
    health: (onChange) => health.addListener(onChange),
  };
}

function page(frames: ReadonlyMap<number, Uint8Array>, start: number, limits: PageLimits): Uint8Array[] {
  const taken: Uint8Array[] = [];
  let bytes = 0;
  for (let frame = frames.get(start); frame !== undefined; frame = frames.get(start + taken.length)) {
    bytes += frame.length;
    if (taken.length === limits.frames || (taken.length > 0 && bytes > limits.bytes)) break;
    taken.push(frame);
  }
  return taken;
}
