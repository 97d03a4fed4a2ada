import type { Runtime } from "../protocol/runtime.ts";
import type { Stream } from "./stream.ts";

/**
 * After this many consecutive next-tick wake-ups, use one macrotask, so that streams that push to each other do not
 * starve timers and I/O.
 */
const MAX_CONSECUTIVE_TICKS = 1_000;

/** Wakes the readers of changed streams once per turn: a burst of pushes goes out in one write per reader. */
export class Notifier {
  readonly #runtime: Runtime;
  #changed: Stream[] = [];
  #ticksLeft = MAX_CONSECUTIVE_TICKS;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** Wakes the stream's readers later in this turn, or in the next. */
  notify(stream: Stream): void {
    if (stream.markForWake() && this.#changed.push(stream) === 1) this.#schedule();
  }

  #schedule(): void {
    const { clock } = this.#runtime;
    if (clock.next === undefined || this.#ticksLeft === 0) {
      this.#ticksLeft = MAX_CONSECUTIVE_TICKS;
      clock.soon(this.#run);
    } else {
      this.#ticksLeft--;
      clock.next(this.#run);
    }
  }

  readonly #run = (): void => {
    const changed = this.#changed;
    this.#changed = [];
    const now = this.#runtime.clock.now();
    for (const stream of changed) stream.wakeReaders(now, this.#reportPushed);
  };

  readonly #reportPushed = ({ id }: Stream, events: number): void => {
    this.#runtime.report("pushed", { id, events });
  };
}
