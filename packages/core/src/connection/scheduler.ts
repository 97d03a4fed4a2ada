import type { Clock } from "../base/clock.ts";

/** Something that wants to be looked at from time to time. */
export interface Tick {
  /** When it is due, by the clock; kept by the ticker. */
  due: number;
  /** Its place in the ticker, -1 outside, -2 while its turn is coming; kept by the ticker. */
  slot: number;
  /** Called when it is due; returns when it is due next. MUST NOT throw. */
  visit(now: number): number;
}

const OUTSIDE: number = -1;
const IN_TURN: number = -2;

/** At most this many in one go, or a sixty-fourth of all: a crowd that is due at once is spread out. */
const SMALLEST_BATCH = 128;
/** The rest of a crowd waits for this part of the interval, so that all have had their turn in half of it. */
const PAUSE = 1 / 128;
/** However rare heartbeats are, or if there are none: visits see to ends and zombies too. */
const LONGEST_INTERVAL = 15_000;

/**
 * One timer for any number of connections, and none while there are none. The ticks stand in a binary heap by
 * due time.
 */
export class Ticker {
  readonly #clock: Clock;
  readonly #pause: number;
  readonly #heap: Tick[] = [];
  #armed: { readonly at: number; readonly cancel: () => void } | undefined;
  /** While a crowd is worked off: no turn before this, and no fewer in a turn than in the last. */
  #notBefore = 0;
  #batch = SMALLEST_BATCH;

  /** @param interval a crowd is spread over half of it, in ms; up to 15 s */
  constructor(clock: Clock, interval: number) {
    this.#clock = clock;
    this.#pause = Math.min(interval, LONGEST_INTERVAL) * PAUSE;
  }

  /** Adds a tick, or changes when it is due. */
  set(tick: Tick, due: number): void {
    tick.due = due;
    if (tick.slot < 0) tick.slot = this.#heap.push(tick) - 1;
    this.#sift(tick);
    this.#arm();
  }

  /** Forgets a tick. Idempotent. */
  delete(tick: Tick): void {
    if (tick.slot >= 0) this.#takeOut(tick);
    tick.slot = OUTSIDE;
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
    this.#batch = Math.max(this.#batch, Math.ceil(this.#heap.length / 64));
    for (
      let top = this.#heap[0];
      top !== undefined && top.due <= now && due.length < this.#batch;
      top = this.#heap[0]
    ) {
      this.#takeOut(top);
      top.slot = IN_TURN;
      due.push(top);
    }
    if (due.length === this.#batch) {
      this.#notBefore = now + this.#pause;
    } else {
      this.#notBefore = 0;
      this.#batch = SMALLEST_BATCH;
    }
    for (const tick of due) {
      // An earlier visit may have deleted it, or changed when it is due.
      if (tick.slot !== IN_TURN) continue;
      const next = tick.visit(now);
      if (tick.slot !== OUTSIDE) this.set(tick, next);
    }
    this.#arm();
  }

  /** Closes the gap that a tick leaves in the heap. */
  #takeOut({ slot }: Tick): void {
    const moved = this.#heap.pop() as Tick;
    if (slot === this.#heap.length) return;
    moved.slot = slot;
    this.#heap[slot] = moved;
    this.#sift(moved);
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
