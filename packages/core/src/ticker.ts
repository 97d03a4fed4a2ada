import type { Clock } from "./clock.ts";

/** Something that wants to be looked at from time to time. */
export interface Tick {
  /** When it is due, by the clock; kept by the ticker. */
  due: number;
  /** Its place in the ticker, -1 outside; kept by the ticker. */
  slot: number;
  /** Called when it is due; returns when it is due next. MUST NOT throw. */
  visit(now: number): number;
}

/** At most this many in one go, or a sixty-fourth of all: a crowd that is due at once is spread out. */
const SMALLEST_BATCH = 128;
/** The rest of a crowd waits for this part of the interval, so that all have had their turn in half of it. */
const PAUSE = 1 / 128;

/**
 * One timer for any number of connections, and none while there are none. The ticks stand in a binary heap by
 * due time.
 */
export class Ticker {
  readonly #clock: Clock;
  readonly #pause: number;
  readonly #heap: Tick[] = [];
  #armed: { readonly at: number; readonly cancel: () => void } | undefined;
  #notBefore = 0;

  /** @param interval the time over which a crowd is spread, in ms */
  constructor(clock: Clock, interval: number) {
    this.#clock = clock;
    this.#pause = interval * PAUSE;
  }

  /** Adds a tick, or changes when it is due. */
  set(tick: Tick, due: number): void {
    tick.due = due;
    if (tick.slot === -1) tick.slot = this.#heap.push(tick) - 1;
    this.#sift(tick);
    this.#arm();
  }

  /** Forgets a tick. Idempotent. */
  delete(tick: Tick): void {
    const { slot } = tick;
    if (slot === -1) return;
    tick.slot = -1;
    const moved = this.#heap.pop() as Tick;
    if (moved !== tick) {
      moved.slot = slot;
      this.#heap[slot] = moved;
      this.#sift(moved);
    }
    this.#arm();
  }

  #arm(): void {
    const top = this.#heap[0];
    const at = top === undefined ? Infinity : Math.max(top.due, this.#notBefore);
    // A timer that is early does no harm: it finds nothing due and is armed again.
    if (this.#armed !== undefined && this.#armed.at <= at && at !== Infinity) return;
    this.#armed?.cancel();
    this.#armed = undefined;
    if (at === Infinity) return;
    const cancel = this.#clock.after(at - this.#clock.now(), () => this.#turn());
    this.#armed = { at, cancel };
  }

  #turn(): void {
    this.#armed = undefined;
    const now = this.#clock.now();
    const due: Tick[] = [];
    const most = Math.max(SMALLEST_BATCH, Math.ceil(this.#heap.length / 64));
    for (
      let top = this.#heap[0];
      top !== undefined && top.due <= now && due.length < most;
      top = this.#heap[0]
    ) {
      due.push(top);
      this.#park(top);
    }
    this.#notBefore = due.length === most ? now + this.#pause : 0;
    for (const tick of due) {
      if (tick.slot === -1) continue;
      const next = tick.visit(now);
      if (tick.slot !== -1) this.set(tick, next);
    }
    this.#arm();
  }

  /** Moves the top out of the way until it was visited. */
  #park(top: Tick): void {
    top.due = Infinity;
    this.#sift(top);
  }

  /** Restores the heap's order around one tick whose due time changed. */
  #sift(tick: Tick): void {
    const heap = this.#heap;
    let { slot } = tick;
    while (slot > 0) {
      const parent = (slot - 1) >> 1;
      const above = heap[parent] as Tick;
      if (above.due <= tick.due) break;
      heap[slot] = above;
      above.slot = slot;
      slot = parent;
    }
    for (;;) {
      let child = 2 * slot + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && (heap[child + 1] as Tick).due < (heap[child] as Tick).due) child++;
      const below = heap[child] as Tick;
      if (below.due >= tick.due) break;
      heap[slot] = below;
      below.slot = slot;
      slot = child;
    }
    heap[slot] = tick;
    tick.slot = slot;
  }
}
