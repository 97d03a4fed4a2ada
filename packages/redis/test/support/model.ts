import type {
  StoreAppend,
  StoreAppended,
  StoreCursor,
  StoredEnd,
  StoreMeta,
  StoreOpen,
  StoreOpened,
  StorePage,
} from "@holdfast/core";

/** A lease that has expired as soon as it is granted. Every other lease outlasts the test. */
export const EXPIRED = 0;

/** The log of an id, from the open that created its epoch. */
interface Log {
  kind: StoreMeta["kind"];
  epoch: string;
  fence: number;
  last: number;
  first: number;
  frames: string[];
  /** Whether the lease has not expired. */
  alive: boolean;
  /** The mark of the open that last made a producer. */
  by: string;
  end?: StoredEnd;
  cancel?: string;
}

/** How a store must answer for one id, written as plainly as possible. */
export class Model {
  log: Log | undefined;
  /** The number of the last batch, by epoch and producer: the records outlive the channel. */
  readonly batches = new Map<string, number>();

  open(open: StoreOpen): StoreOpened {
    const by = `${open.takeover === true}${open.epoch}`;
    const log = this.log;
    const alive = open.leaseMs !== EXPIRED;
    const { kind, epoch, restoreFence, restoreLast = 0 } = open;

    const create = (fence: number, last: number, cancel?: string): StoreOpened => {
      this.log = { kind, epoch, fence, last, first: last + 1, frames: [], alive, by };
      if (cancel !== undefined) this.log.cancel = cancel;
      return { role: "producer", epoch, fence, last };
    };
    const grant = (granted: Log): StoreOpened => {
      Object.assign(granted, { alive, by });
      return { role: "producer", epoch: granted.epoch, fence: granted.fence, last: granted.last };
    };
    const refuse = (found: Log): StoreOpened => ({ role: "reader", meta: metaOf(found) });

    if (restoreFence !== undefined) {
      if (log === undefined) return create(restoreFence, restoreLast);
      if (log.kind !== kind || log.epoch !== epoch || log.end || log.fence > restoreFence) return refuse(log);
      if (log.fence === restoreFence && log.last >= restoreLast) return grant(log);
      return create(restoreFence, restoreLast, log.cancel);
    }
    if (log === undefined) return create(kind === "stream" ? 1 : 0, 0);
    if (log.end) {
      if (log.epoch === epoch || log.by === by) return refuse(log);
      return create(kind === "stream" ? log.fence + 1 : 0, 0);
    }
    if (log.kind !== kind) return refuse(log);
    if (kind === "channel" || log.by === by) return grant(log);
    if (open.takeover !== true) return refuse(log);
    log.fence++;
    return grant(log);
  }

  append(append: StoreAppend, frames: readonly string[]): StoreAppended {
    const log = this.log;
    if (log === undefined) return { code: "missing" };
    const { from, end, batch } = append;
    if (log.epoch !== append.epoch || log.fence !== append.fence) return { code: "fenced", fence: log.fence };
    if (log.end) {
      const sameEnd = JSON.stringify(end) === JSON.stringify(log.end);
      if (sameEnd && (from === undefined || from + frames.length - 1 <= log.last))
        return { code: "ok", last: log.last };
      return { code: "closed", end: log.end };
    }
    if (from !== undefined && from > log.last + 1) return { code: "gap", expected: log.last + 1 };
    let skip = from === undefined ? 0 : log.last + 1 - from;
    if (batch !== undefined) {
      const key = `${log.epoch} ${batch.producer}`;
      if ((this.batches.get(key) ?? 0) >= batch.number) skip = frames.length;
      else this.batches.set(key, batch.number);
    }
    const added = frames.slice(skip);
    log.frames.push(...added);
    log.last += added.length;
    log.alive = append.leaseMs !== EXPIRED;
    if (end !== undefined) log.end = end;
    return { code: "ok", last: log.last, ...(log.cancel !== undefined && { cancel: log.cancel }) };
  }

  read(
    after: StoreCursor | null,
    limit: number,
  ): StorePage | { code: "ok"; meta: StoreMeta; frames: string[] } {
    const log = this.log;
    if (log === undefined) return { code: "missing" };
    const meta = metaOf(log);
    if (after !== null) {
      if (after.epoch !== log.epoch) return { code: "epoch", meta };
      if (after.seq > log.last) return { code: "ahead", meta };
      if (after.seq + 1 < log.first) return { code: "trimmed", meta };
    }
    const start = after === null ? 0 : after.seq + 1 - log.first;
    return { code: "ok", meta, frames: log.frames.slice(start, start + limit) };
  }

  cancel(reason: string): boolean {
    const log = this.log;
    if (log?.kind !== "stream" || log.end) return false;
    log.cancel ??= reason;
    return true;
  }

  lost(fence: number, end: StoredEnd): boolean {
    const log = this.log;
    if (log?.kind !== "stream" || log.end || log.fence !== fence || log.alive) return false;
    log.end = end;
    return true;
  }

  /** Removes the frames and keeps the meta, as the eviction of one key does. */
  evictFrames(): void {
    if (this.log === undefined) return;
    this.log.frames = [];
    this.log.first = this.log.last + 1;
  }
}

/** `leaseLeftMs` is 0 for an expired lease and 1 for any other. */
function metaOf({ kind, epoch, first, last, fence, alive, end, cancel }: Log): StoreMeta {
  return {
    kind,
    epoch,
    first,
    last,
    fence,
    leaseLeftMs: kind === "stream" && !alive ? 0 : 1,
    ...(end !== undefined && { end }),
    ...(cancel !== undefined && { cancel }),
  };
}
