import type { Clock } from "./clock.ts";

export interface LimiterOptions {
  readonly clock: Clock;
  /** How many tasks may run at the same time. */
  readonly concurrency: number;
  /** After this many ms a cancelled task that has not settled no longer counts as running. */
  readonly abandonAfter: number;
}

type Group = string | undefined;

/** A task that has been added. */
export interface LimitedTask {
  /** Also lets the task run when it is the turn of this group. Without effect once it runs. */
  addGroup(group: Group): void;
  /** Removes the task from the queue or, if it is running, aborts its signal. Idempotent. */
  cancel(): void;
}

interface Task {
  readonly run: (signal: AbortSignal) => Promise<void>;
  /** The groups in whose queues it waits. */
  readonly groups: Set<Group>;
  readonly controller: AbortController;
  /** Until when it counts as running even if it has not settled; Infinity unless it was cancelled. */
  countsUntil: number;
}

/**
 * Runs asynchronous tasks, a limited number at a time: one of each group in turn, and those of a group in the order in which
 * they were added. A task of several groups runs with the first of them that has its turn.
 *
 * A cancelled task counts as running until it settles, because it may ignore its signal; but only for `abandonAfter`,
 * because it may never settle.
 */
export class Limiter {
  readonly #options: LimiterOptions;
  /** The groups that have waiting tasks; the first one is next. */
  readonly #waiting = new Map<Group, Set<Task>>();
  readonly #running = new Set<Task>();
  #cancelTimer: (() => void) | undefined;

  constructor(options: LimiterOptions) {
    this.#options = options;
  }

  /**
   * Adds a task. It starts at once if fewer than `concurrency` are running.
   *
   * @param run MUST NOT reject
   * @param groups each gets its turn among the others, however many tasks it has
   */
  add(run: (signal: AbortSignal) => Promise<void>, groups: Iterable<Group> = [undefined]): LimitedTask {
    const task: Task = { run, groups: new Set(), controller: new AbortController(), countsUntil: Infinity };
    for (const group of groups) this.#enqueue(task, group);
    this.#startWaiting();
    return {
      addGroup: (group) => {
        if (task.groups.size > 0) this.#enqueue(task, group);
      },
      cancel: () => this.#cancel(task),
    };
  }

  #enqueue(task: Task, group: Group): void {
    task.groups.add(group);
    const tasks = this.#waiting.get(group) ?? new Set();
    this.#waiting.set(group, tasks.add(task));
  }

  #startWaiting(): void {
    const { clock, concurrency } = this.#options;
    for (const task of this.#running) if (task.countsUntil <= clock.now()) this.#running.delete(task);
    for (const [group, tasks] of this.#waiting) {
      if (this.#running.size >= concurrency) break;
      const [task] = tasks as Set<Task> & [Task];
      this.#dequeue(task);
      // Behind the others: a map is iterated in the order of insertion, also over what is added meanwhile.
      if (this.#waiting.delete(group)) this.#waiting.set(group, tasks);
      void this.#run(task);
    }
    this.#cancelTimer?.();
    if (this.#waiting.size === 0) return;
    const next = Math.min(...Array.from(this.#running, ({ countsUntil }) => countsUntil));
    if (next < Infinity) this.#cancelTimer = clock.after(next - clock.now(), () => this.#startWaiting());
  }

  /** Returns whether the task was waiting. */
  #dequeue(task: Task): boolean {
    const { groups } = task;
    const isWaiting = groups.size > 0;
    for (const group of groups) {
      const tasks = this.#waiting.get(group);
      tasks?.delete(task);
      if (tasks?.size === 0) this.#waiting.delete(group);
    }
    groups.clear();
    return isWaiting;
  }

  async #run(task: Task): Promise<void> {
    this.#running.add(task);
    await task.run(task.controller.signal);
    if (this.#running.delete(task)) this.#startWaiting();
  }

  #cancel(task: Task): void {
    if (!this.#dequeue(task)) {
      if (!this.#running.has(task) || task.controller.signal.aborted) return;
      const { clock, abandonAfter } = this.#options;
      task.countsUntil = clock.now() + abandonAfter;
      task.controller.abort();
    }
    this.#startWaiting();
  }
}
