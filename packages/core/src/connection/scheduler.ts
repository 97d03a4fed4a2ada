import type { Clock } from "../base/clock.ts";

/** Something that wants to be looked at from time to time. */
export interface ScheduledTask {
  /** When it is due, by the clock; kept by the scheduler. */
  due: number;
  /** Its place in the scheduler, -1 outside, -2 while its turn is coming; kept by the scheduler. */
  heapIndex: number;
  /** Called when it is due; returns when it is due next. MUST NOT throw. */
  visit(now: number): number;
}

const OUTSIDE: number = -1;
const IN_TURN: number = -2;

/** At most this many in one go, or a sixty-fourth of all: a pool that is due at once is spread out. */
const SMALLEST_BATCH = 128;
/** The rest of a pool waits for this part of the interval, so that all have had their turn in half of it. */
const PAUSE = 1 / 128;
/** However rare heartbeats are, or if there are none: visits see to ends and zombies too. */
const LONGEST_INTERVAL = 15_000;

/**
 * One timer for any number of connections, and none while there are none. The ticks stand in a binary heap by
 * due time.
 */
export class Scheduler {
  readonly #clock: Clock;
  readonly #pause: number;
  readonly #heap: ScheduledTask[] = [];
  #armed: { readonly at: number; readonly cancel: () => void } | undefined;
  /** While a pool is worked off: no turn before this, and no fewer in a turn than in the last. */
  #notBefore = 0;
  #batch = SMALLEST_BATCH;

  /** @param interval a pool is spread over half of it, in ms; up to 15 s */
  constructor(clock: Clock, interval: number) {
    this.#clock = clock;
    this.#pause = Math.min(interval, LONGEST_INTERVAL) * PAUSE;
  }

  /** Adds a task, or changes when it is due. */
  set(task: ScheduledTask, due: number): void {
    task.due = due;
    if (task.heapIndex < 0) task.heapIndex = this.#heap.push(task) - 1;
    this.#sift(task);
    this.#arm();
  }

  /** Forgets a task. Idempotent. */
  delete(task: ScheduledTask): void {
    if (task.heapIndex >= 0) this.#takeOut(task);
    task.heapIndex = OUTSIDE;
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
    const due: ScheduledTask[] = [];
    this.#batch = Math.max(this.#batch, Math.ceil(this.#heap.length / 64));
    for (
      let top = this.#heap[0];
      top !== undefined && top.due <= now && due.length < this.#batch;
      top = this.#heap[0]
    ) {
      this.#takeOut(top);
      top.heapIndex = IN_TURN;
      due.push(top);
    }
    if (due.length === this.#batch) {
      this.#notBefore = now + this.#pause;
    } else {
      this.#notBefore = 0;
      this.#batch = SMALLEST_BATCH;
    }
    for (const task of due) {
      // An earlier visit may have deleted it, or changed when it is due.
      if (task.heapIndex !== IN_TURN) continue;
      const next = task.visit(now);
      if (task.heapIndex !== OUTSIDE) this.set(task, next);
    }
    this.#arm();
  }

  /** Closes the gap that a task leaves in the heap. */
  #takeOut({ heapIndex }: ScheduledTask): void {
    const moved = this.#heap.pop() as ScheduledTask;
    if (heapIndex === this.#heap.length) return;
    moved.heapIndex = heapIndex;
    this.#heap[heapIndex] = moved;
    this.#sift(moved);
  }

  /** Restores the heap's order around one task whose due time changed. */
  #sift(task: ScheduledTask): void {
    const heap = this.#heap;
    let { heapIndex } = task;
    while (heapIndex > 0) {
      const parent = (heapIndex - 1) >> 1;
      const above = heap[parent] as ScheduledTask;
      if (above.due <= task.due) break;
      heap[heapIndex] = above;
      above.heapIndex = heapIndex;
      heapIndex = parent;
    }
    for (;;) {
      let child = 2 * heapIndex + 1;
      if (child >= heap.length) break;
      if (
        child + 1 < heap.length &&
        (heap[child + 1] as ScheduledTask).due < (heap[child] as ScheduledTask).due
      )
        child++;
      const below = heap[child] as ScheduledTask;
      if (below.due >= task.due) break;
      heap[heapIndex] = below;
      below.heapIndex = heapIndex;
      heapIndex = child;
    }
    heap[heapIndex] = task;
    task.heapIndex = heapIndex;
  }
}
