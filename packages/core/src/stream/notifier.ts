import { type Turn, turnOf, type TurnTask } from "../base/turn.ts";
import type { Runtime } from "../protocol/runtime.ts";
import type { Stream } from "./stream.ts";

/** Wakes the readers of changed streams once per turn: a burst of pushes goes out in one write per reader. */
export class Notifier implements TurnTask {
  readonly #runtime: Runtime;
  readonly #turn: Turn;
  #changed: Stream[] = [];

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
    this.#turn = turnOf(runtime.clock);
  }

  /** Wakes the stream's readers later in this turn, or in the next. */
  notify(stream: Stream): void {
    if (stream.markForWake() && this.#changed.push(stream) === 1) this.#turn.later(this);
  }

  runInTurn(): void {
    const changed = this.#changed;
    this.#changed = [];
    const now = this.#runtime.clock.now();
    for (const stream of changed) stream.wakeReaders(now, this.#reportPushed);
  }

  readonly #reportPushed = ({ id }: Stream, events: number): void => {
    this.#runtime.report("pushed", { id, events });
  };
}
