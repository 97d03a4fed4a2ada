import type { Clock } from "../base/clock.ts";

/** A task that runs again and again. */
export interface ScheduledTask {
  /** When it is due, in the clock's time; set by the scheduler. */
  due: number;
  /** Its index in the scheduler's heap, -1 outside, -2 in the batch that is running; set by the scheduler. */
  heapIndex: number;
  /** Runs the task when it is due, and returns when it is due next. MUST NOT throw. */
  run(now: number): number;
}

const OUTSIDE: number = -1;
const IN_BATCH: number = -2;

/** A batch has at most this many tasks, or a 64th of all, so that many that are due at once do not block the loop. */
const SMALLEST_BATCH = 128;
/** The pause between full batches, as a part of the interval: 64 batches take half of it. */
const PAUSE = 1 / 128;
/** The pause is limited as with this interval, because tasks also end connections, which must not wait. */
const LONGEST_INTERVAL = 15_000;

/**
 * Runs any number of tasks with one timer, and with none while there are no tasks. The tasks are in a binary heap,
 * ordered by due time.
 */
export class Scheduler {
  readonly #clock: Clock;
  readonly #pause: number;
  readonly #heap: ScheduledTask[] = [];
  #armed: { readonly at: number; readonly cancel: () => void } | undefined;
  /** While batches are full: when the next one may run, and how many tasks it has at least. */
  #notBefore = 0;
  #batchSize = SMALLEST_BATCH;

  /** @param interval in ms, up to 15 s: tasks that are due at once are spread over at most half of it */
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

  /** Removes a task. Idempotent. */
  delete(task: ScheduledTask): void {
    if (task.heapIndex >= 0) this.#takeOut(task);
    task.heapIndex = OUTSIDE;
    this.#arm();
  }

  #arm(): void {
    const top = this.#heap[0];
    const at = top === undefined ? Infinity : Math.max(top.due, this.#notBefore);
    // A timer that fires too early finds nothing due, and is set again.
    if (this.#armed !== undefined && this.#armed.at <= at && at !== Infinity) return;
    this.#armed?.cancel();
    this.#armed = undefined;
    if (at === Infinity) return;
    const cancel = this.#clock.after(at - this.#clock.now(), () => this.#runBatch());
    this.#armed = { at, cancel };
  }

  #runBatch(): void {
    this.#armed = undefined;
    const now = this.#clock.now();
    const due: ScheduledTask[] = [];
    this.#batchSize = Math.max(this.#batchSize, Math.ceil(this.#heap.length / 64));
    for (
      let top = this.#heap[0];
      top !== undefined && top.due <= now && due.length < this.#batchSize;
      top = this.#heap[0]
    ) {
      this.#takeOut(top);
      top.heapIndex = IN_BATCH;
      due.push(top);
    }
    if (due.length === this.#batchSize) {
      this.#notBefore = now + this.#pause;
    } else {
      this.#notBefore = 0;
      this.#batchSize = SMALLEST_BATCH;
    }
    for (const task of due) {
      // A task before it may have removed it, or changed when it is due.
      if (task.heapIndex !== IN_BATCH) continue;
      const next = task.run(now);
      if (task.heapIndex !== OUTSIDE) this.set(task, next);
    }
    this.#arm();
  }

  /** Takes a task out of the heap. */
  #takeOut({ heapIndex }: ScheduledTask): void {
    const moved = this.#heap.pop() as ScheduledTask;
    if (heapIndex === this.#heap.length) return;
    moved.heapIndex = heapIndex;
    this.#heap[heapIndex] = moved;
    this.#sift(moved);
  }

  /** Restores the heap's order after the due time of one task has changed. */
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
