import type { Clock } from "../base/clock.ts";

/** A task that runs again and again. */
export interface ScheduledTask {
  /** When it is due, in the clock's time; set by the scheduler. */
  due: number;
  /** Its index in the scheduler's heap, -1 outside, -2 in the batch that is running; set by the scheduler. */
  heapIndex: number;
  /**
   * Runs the task when it is due, and returns when it is due next. MUST NOT throw.
   *
   * @param early the task may do now what is due so many ms later. It may also be called when nothing is due at all
   */
  run(now: number, early: number): number;
}

const OUTSIDE: number = -1;
const IN_BATCH: number = -2;

/** A batch has at most this many tasks, or a 64th of all, so that many that are due at once do not block the loop. */
const SMALLEST_BATCH = 128;
/** The pause between full batches, as a part of the interval: 64 batches take half of it. */
const PAUSE = 1 / 128;
/**
 * If there are more tasks than fit into the smallest batch, those that are due within this part of the interval run
 * together. One by one, each would cost a timer and a turn of the event loop, which is a third of a heartbeat.
 */
const EARLY = 1 / 64;
/** Also the interval if all are longer, because tasks also end connections, which must not wait for a long pause. */
const LONGEST_INTERVAL = 15_000;

/**
 * Runs any number of tasks with one timer, and with none while there are no tasks. The tasks are in a binary heap,
 * ordered by due time. The times are in an array of their own: to compare two of them, the tasks, which are in no cache of
 * the processor, need not be read.
 */
export class Scheduler {
  readonly #clock: Clock;
  /** The shortest of all tasks so far, in ms. */
  #interval = LONGEST_INTERVAL;
  readonly #heap: ScheduledTask[] = [];
  /** When each task of the heap is due. */
  readonly #dues: number[] = [];
  #armed: { readonly at: number; readonly cancel: () => void } | undefined;
  /** While batches are full: when the next one may run, and how many tasks it has at least. */
  #notBefore = 0;
  #batchSize = SMALLEST_BATCH;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Adds a task, or changes when it is due.
   *
   * @param interval the time in ms after which it is due again and again. Tasks that are due at once are spread over at most
   * half of the shortest one
   */
  set(task: ScheduledTask, due: number, interval: number = Infinity): void {
    this.#interval = Math.min(this.#interval, interval);
    task.due = due;
    if (task.heapIndex < 0) task.heapIndex = this.#heap.push(task) - 1;
    this.#sift(task, due);
    this.#arm();
  }

  /** Removes a task. Idempotent. */
  delete(task: ScheduledTask): void {
    if (task.heapIndex >= 0) this.#takeOut(task);
    task.heapIndex = OUTSIDE;
    this.#arm();
  }

  #arm(): void {
    const first = this.#dues[0];
    const at = first === undefined ? Infinity : Math.max(first, this.#notBefore);
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
    const early = this.#heap.length > SMALLEST_BATCH ? this.#interval * EARLY : 0;
    while (due.length < this.#batchSize && (this.#dues[0] ?? Infinity) <= now + early) {
      const top = this.#heap[0] as ScheduledTask;
      this.#takeOut(top);
      top.heapIndex = IN_BATCH;
      due.push(top);
    }
    if (due.length === this.#batchSize) {
      this.#notBefore = now + this.#interval * PAUSE;
    } else {
      this.#notBefore = 0;
      this.#batchSize = SMALLEST_BATCH;
    }
    for (const task of due) {
      // A task before it may have removed it, or changed when it is due.
      if (task.heapIndex !== IN_BATCH) continue;
      const next = task.run(now, early);
      if (task.heapIndex !== OUTSIDE) this.set(task, next);
    }
    this.#arm();
  }

  /** Takes a task out of the heap. */
  #takeOut({ heapIndex }: ScheduledTask): void {
    const moved = this.#heap.pop() as ScheduledTask;
    const due = this.#dues.pop() as number;
    if (heapIndex === this.#heap.length) return;
    moved.heapIndex = heapIndex;
    this.#sift(moved, due);
  }

  /** Puts a task where it belongs, up or down from its index. */
  #sift(task: ScheduledTask, due: number): void {
    const dues = this.#dues;
    let { heapIndex } = task;
    while (heapIndex > 0) {
      const parent = (heapIndex - 1) >> 1;
      if ((dues[parent] as number) <= due) break;
      this.#move(parent, heapIndex);
      heapIndex = parent;
    }
    for (;;) {
      let child = 2 * heapIndex + 1;
      if (child >= dues.length) break;
      if (child + 1 < dues.length && (dues[child + 1] as number) < (dues[child] as number)) child++;
      if ((dues[child] as number) >= due) break;
      this.#move(child, heapIndex);
      heapIndex = child;
    }
    this.#heap[heapIndex] = task;
    dues[heapIndex] = due;
    task.heapIndex = heapIndex;
  }

  #move(from: number, to: number): void {
    const task = this.#heap[from] as ScheduledTask;
    this.#heap[to] = task;
    this.#dues[to] = this.#dues[from] as number;
    task.heapIndex = to;
  }
}
