import type { Clock } from "./clock.ts";

/**
 * After this many consecutive ticks, use one macrotask, so that streams that push to each other do not starve timers and
 * I/O.
 */
const MAX_CONSECUTIVE_TICKS = 1_000;

const turns = new WeakMap<Clock, Turn>();

/** The turns of the event loop as this clock has them: one object for all who use it. */
export function turnOf(clock: Clock): Turn {
  const known = turns.get(clock);
  if (known !== undefined) return known;
  const turn = new Turn(clock);
  turns.set(clock, turn);
  return turn;
}

/** What is done in a turn of the event loop. An object, so that nothing is created for each turn. */
export interface TurnTask {
  /** MUST NOT throw. */
  runInTurn(): void;
}

/**
 * Collects what is to be done once in a turn of the event loop, in two steps: what the first step asks for is done in the
 * second.
 */
export class Turn {
  readonly #clock: Clock;
  #tasks: TurnTask[] = [];
  #lastTasks: TurnTask[] = [];
  #isScheduled = false;
  #ticksLeft = MAX_CONSECUTIVE_TICKS;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Runs the task later in this turn, or in the next. */
  later(task: TurnTask): void {
    this.#tasks.push(task);
    this.#schedule();
  }

  /** Runs the task as {@link later} does, behind all tasks of that. */
  atEnd(task: TurnTask): void {
    this.#lastTasks.push(task);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    const clock = this.#clock;
    if (clock.next === undefined || this.#ticksLeft === 0) {
      this.#ticksLeft = MAX_CONSECUTIVE_TICKS;
      clock.soon(this.#run);
    } else {
      this.#ticksLeft--;
      clock.next(this.#run);
    }
  }

  readonly #run = (): void => {
    const tasks = this.#tasks;
    this.#tasks = [];
    runAll(tasks);
    const lastTasks = this.#lastTasks;
    this.#lastTasks = [];
    this.#isScheduled = false;
    runAll(lastTasks);
    if (this.#tasks.length > 0) this.#schedule();
  };
}

/** A task that throws nevertheless costs no other: they belong to different streams, and even registries. */
function runAll(tasks: readonly TurnTask[]): void {
  for (const task of tasks) {
    try {
      task.runInTurn();
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}
