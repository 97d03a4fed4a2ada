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

/** The lease of a producer that is dead already; any other one lasts as long as a test. */
export const OVER = 0;

interface Life {
  kind: StoreMeta["kind"];
  epoch: string;
  fence: number;
  last: number;
  first: number;
  frames: string[];
  alive: boolean;
  by: string;
  end?: StoredEnd;
  cancel?: string;
}

/** What Redis must answer about one id, said as plainly as can be. */
export class Model {
  life: Life | undefined;
  /** They outlive their channel: its epoch is part of them. */
  readonly batches = new Map<string, number>();

  open(open: StoreOpen): StoreOpened {
    const by = `${open.takeover === true}${open.epoch}`;
    const held = this.life;
    const alive = open.leaseMs !== OVER;
    const { kind, epoch, restoreFence, restoreLast = 0 } = open;

    const begin = (fence: number, last: number, cancel?: string): StoreOpened => {
      this.life = { kind, epoch, fence, last, first: last + 1, frames: [], alive, by };
      if (cancel !== undefined) this.life.cancel = cancel;
      return { role: "producer", epoch, fence, last };
    };
    const hold = (life: Life): StoreOpened => {
      Object.assign(life, { alive, by });
      return { role: "producer", epoch: life.epoch, fence: life.fence, last: life.last };
    };
    const reader = (life: Life): StoreOpened => ({ role: "reader", meta: metaOf(life) });

    if (restoreFence !== undefined) {
      if (held === undefined) return begin(restoreFence, restoreLast);
      if (held.kind !== kind || held.epoch !== epoch || held.end || held.fence > restoreFence)
        return reader(held);
      if (held.fence === restoreFence && held.last >= restoreLast) return hold(held);
      return begin(restoreFence, restoreLast, held.cancel);
    }
    if (held === undefined) return begin(kind === "stream" ? 1 : 0, 0);
    if (held.end) {
      if (held.epoch === epoch || held.by === by) return reader(held);
      return begin(kind === "stream" ? held.fence + 1 : 0, 0);
    }
    if (held.kind !== kind) return reader(held);
    if (kind === "channel" || held.by === by) return hold(held);
    if (open.takeover !== true) return reader(held);
    held.fence++;
    return hold(held);
  }

  append(append: StoreAppend, frames: readonly string[]): StoreAppended {
    const life = this.life;
    if (life === undefined) return { code: "missing" };
    const { from, end, batch } = append;
    if (life.epoch !== append.epoch || life.fence !== append.fence)
      return { code: "fenced", fence: life.fence };
    if (life.end) {
      const own = JSON.stringify(end) === JSON.stringify(life.end);
      if (own && (from === undefined || from + frames.length - 1 <= life.last))
        return { code: "ok", last: life.last };
      return { code: "closed", end: life.end };
    }
    if (from !== undefined && from > life.last + 1) return { code: "gap", expected: life.last + 1 };
    let skip = from === undefined ? 0 : life.last + 1 - from;
    if (batch !== undefined) {
      const key = `${life.epoch} ${batch.producer}`;
      if ((this.batches.get(key) ?? 0) >= batch.number) skip = frames.length;
      else this.batches.set(key, batch.number);
    }
    const added = frames.slice(skip);
    life.frames.push(...added);
    life.last += added.length;
    life.alive = append.leaseMs !== OVER;
    if (end !== undefined) life.end = end;
    return { code: "ok", last: life.last, ...(life.cancel !== undefined && { cancel: life.cancel }) };
  }

  read(
    after: StoreCursor | null,
    most: number,
  ): StorePage | { code: "ok"; meta: StoreMeta; frames: string[] } {
    const life = this.life;
    if (life === undefined) return { code: "missing" };
    const meta = metaOf(life);
    if (after !== null) {
      if (after.epoch !== life.epoch) return { code: "epoch", meta };
      if (after.seq > life.last) return { code: "ahead", meta };
      if (after.seq + 1 < life.first) return { code: "trimmed", meta };
    }
    const start = after === null ? 0 : after.seq + 1 - life.first;
    return { code: "ok", meta, frames: life.frames.slice(start, start + most) };
  }

  cancel(reason: string): boolean {
    const life = this.life;
    if (life?.kind !== "stream" || life.end) return false;
    life.cancel ??= reason;
    return true;
  }

  lost(fence: number, end: StoredEnd): boolean {
    const life = this.life;
    if (life?.kind !== "stream" || life.end || life.fence !== fence || life.alive) return false;
    life.end = end;
    return true;
  }

  /** The frames alone are gone. */
  evictFrames(): void {
    if (this.life === undefined) return;
    this.life.frames = [];
    this.life.first = this.life.last + 1;
  }
}

/** The lease is told as over or not. */
function metaOf({ kind, epoch, first, last, fence, alive, end, cancel }: Life): StoreMeta {
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
