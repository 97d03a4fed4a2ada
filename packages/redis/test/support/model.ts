import type {
  Joint,
  PublicError,
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

/** One life of an id. */
interface Log {
  kind: StoreMeta["kind"];
  epoch: string;
  joints: readonly Joint[];
  fence: number;
  last: number;
  first: number;
  frames: string[];
  /** The sizes of the frames; 0 for those that came while nothing limited their bytes. */
  sizes: number[];
  keepBytes?: number;
  /** Whether the lease has not expired. */
  alive: boolean;
  retryWindowMs: number;
  error?: PublicError | undefined;
  end?: StoredEnd;
  cancel?: string;
  cancelGraceMs?: number;
}

/** How a store must answer for one id, written as plainly as possible. */
export class Model {
  log: Log | undefined;
  /** The last batch of each producer: the records outlive the channel. */
  readonly batches = new Map<string, { readonly epoch: string; readonly number: number }>();

  open(open: StoreOpen): StoreOpened {
    const log = this.log;
    const alive = open.leaseMs !== EXPIRED;
    const { kind, epoch, ifExists, lapsedFence, restoreFence, restoreLast = 0 } = open;
    const retryWindowMs = kind === "stream" ? (open.retryWindowMs ?? 0) : 0;

    const grant = (granted: Log): StoreOpened => {
      Object.assign(granted, { alive, retryWindowMs, error: undefined });
      if (open.keepBytes !== undefined) granted.keepBytes = open.keepBytes;
      const { joints, fence, last } = granted;
      return { role: "producer", epoch: granted.epoch, fence, last, ...(joints.length > 0 && { joints }) };
    };
    const create = (fence: number, last: number, old?: Log): StoreOpened => {
      const nothing = { first: last + 1, frames: [], sizes: [] };
      this.log = { kind, epoch, joints: [], fence, last, ...nothing, alive, retryWindowMs };
      if (old?.cancel !== undefined) this.log.cancel = old.cancel;
      if (old?.cancelGraceMs !== undefined) this.log.cancelGraceMs = old.cancelGraceMs;
      return grant(this.log);
    };
    const refuse = (found: Log): StoreOpened => ({ role: "reader", meta: metaOf(found) });

    if (restoreFence !== undefined) {
      if (log === undefined) return create(restoreFence, restoreLast);
      if (log.kind !== kind || log.epoch !== epoch || log.end || log.fence > restoreFence) return refuse(log);
      if (log.fence === restoreFence && log.last >= restoreLast) return grant(log);
      return create(restoreFence, restoreLast, log);
    }
    if (log === undefined) return create(kind === "stream" ? 1 : 0, 0);
    const nextFence = kind === "stream" ? log.fence + 1 : 0;
    if (log.end) {
      const isFinished = ["done", "cancelled"].includes(log.end.status);
      const mayKeepEnd = ifExists === "append" || lapsedFence !== undefined;
      if (log.epoch === epoch || (mayKeepEnd && isFinished)) return refuse(log);
      return create(nextFence, 0);
    }
    if (log.kind !== kind) return refuse(log);
    if (kind === "channel" || log.epoch === epoch) return grant(log);
    if (ifExists === "throw") return refuse(log);
    if (lapsedFence !== undefined && (lapsedFence !== log.fence || log.alive)) return refuse(log);
    if (ifExists === "replace") return create(nextFence, 0);
    log.joints = [...log.joints, { epoch: log.epoch, last: log.last }].slice(-8);
    log.epoch = epoch;
    log.fence = nextFence;
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
      const { epoch } = log;
      const { producer, number } = batch;
      const previous = this.batches.get(producer);
      if (previous?.epoch === epoch && previous.number >= number) skip = frames.length;
      else this.batches.set(producer, { epoch, number });
    }
    const added = frames.slice(skip);
    log.frames.push(...added);
    log.sizes.push(...added.map(({ length }) => (log.keepBytes === undefined ? 0 : length)));
    log.last += added.length;
    const { interrupt } = append;
    log.alive = interrupt === undefined && append.leaseMs !== EXPIRED;
    log.retryWindowMs = interrupt?.retryWindowMs ?? log.retryWindowMs;
    log.error = interrupt?.error;
    if (end !== undefined) log.end = end;
    const { cancel, cancelGraceMs = 0 } = log;
    return {
      code: "ok",
      last: log.last,
      ...(cancel !== undefined && { cancel }),
      ...(cancelGraceMs > 0 && { cancelGraceMs }),
    };
  }

  read(
    after: StoreCursor | null,
    limit: number,
  ): StorePage | { code: "ok"; meta: StoreMeta; frames: string[] } {
    const log = this.log;
    if (log === undefined) return { code: "missing" };
    const meta = metaOf(log);
    if (after !== null) {
      const joint = log.joints.find(({ epoch }) => epoch === after.epoch);
      const last = after.epoch === log.epoch ? log.last : joint?.last;
      if (last === undefined) return { code: "epoch", meta };
      if (after.seq > last) return { code: "ahead", meta };
      if (after.seq + 1 < log.first) return { code: "trimmed", meta };
    }
    const start = after === null ? 0 : after.seq + 1 - log.first;
    return { code: "ok", meta, frames: log.frames.slice(start, start + limit) };
  }

  cancel(reason: string, graceMs: number): boolean {
    const log = this.log;
    if (log?.kind !== "stream" || log.end) return false;
    if (log.cancel === undefined) Object.assign(log, { cancel: reason, cancelGraceMs: graceMs });
    return true;
  }

  lost(fence: number, end: StoredEnd): boolean {
    const log = this.log;
    if (log?.kind !== "stream" || log.end || log.fence !== fence || log.alive) return false;
    if (log.retryWindowMs > 0) return false;
    log.end = end;
    return true;
  }

  /** Adopts which frames the store has trimmed. Returns what is wrong with that. */
  trimTo(first: number): string | undefined {
    const log = this.log;
    if (log === undefined || first < log.first) return `${first} is not there any more`;
    const { keepBytes = Infinity } = log;
    const trimmed = first - log.first;
    const bytesFrom = (index: number): number => log.sizes.slice(index).reduce((sum, size) => sum + size, 0);
    if (trimmed > 0 && bytesFrom(trimmed) < keepBytes) return `Only ${bytesFrom(trimmed)} bytes are kept.`;
    if (bytesFrom(trimmed) > keepBytes * 1.125 + 2 * Math.max(0, ...log.sizes)) {
      return `${bytesFrom(trimmed)} bytes are kept.`;
    }
    log.frames.splice(0, trimmed);
    log.sizes.splice(0, trimmed);
    log.first = first;
    return undefined;
  }

  /** Removes the frames and keeps the meta, as the eviction of one key does. */
  evictFrames(): void {
    if (this.log === undefined) return;
    this.log.frames = [];
    this.log.sizes = [];
    this.log.first = this.log.last + 1;
  }
}

/** `leaseLeftMs` is 0 for an expired lease and 1 for any other. */
function metaOf(log: Log): StoreMeta {
  const { kind, epoch, joints, first, last, fence, alive, retryWindowMs, error, end, cancel } = log;
  return {
    kind,
    epoch,
    ...(joints.length > 0 && { joints }),
    first,
    last,
    fence,
    leaseLeftMs: kind === "stream" && !alive ? 0 : 1,
    ...(retryWindowMs > 0 && { retryWindowMs }),
    ...(error !== undefined && { error }),
    ...(end !== undefined && { end }),
    ...(cancel !== undefined && { cancel }),
  };
}
