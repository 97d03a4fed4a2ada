import type { FinishedSnapshot, StreamEvent } from "@holdfast/hono";
import type { JobEvents } from "./events.ts";

type JobEvent = StreamEvent<JobEvents>;

/** What the latest jobs came to, for those who ask when the events are no longer held. */
export class Results {
  readonly #max: number;
  readonly #byId = new Map<string, FinishedSnapshot<JobEvents>>();

  /** @param max how many are kept; the oldest go first */
  constructor(max = 1_000) {
    this.#max = max;
  }

  get(id: string): FinishedSnapshot<JobEvents> | undefined {
    return this.#byId.get(id);
  }

  /** Passes on what a job tells, and keeps its `done`. */
  async *keep(id: string, events: AsyncIterable<JobEvent>): AsyncGenerator<JobEvent> {
    for await (const event of events) {
      if (event.event === "done") this.#add(id, { state: "done", events: [event] });
      yield event;
    }
  }

  #add(id: string, result: FinishedSnapshot<JobEvents>): void {
    this.#byId.set(id, result);
    for (const oldest of this.#byId.keys()) {
      if (this.#byId.size <= this.#max) return;
      this.#byId.delete(oldest);
    }
  }
}
