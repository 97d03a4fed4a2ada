import type { FinishedSnapshot, StreamEvent } from "@holdfast/hono";
import type { JobEvents } from "./events.ts";

type JobEvent = StreamEvent<JobEvents>;

/** The results of the latest jobs, for readers that connect when the events are no longer kept. */
export class Results {
  readonly #max: number;
  readonly #byId = new Map<string, FinishedSnapshot<JobEvents>>();

  /** @param max maximum number of results; the oldest are removed first */
  constructor(max = 1_000) {
    this.#max = max;
  }

  get(id: string): FinishedSnapshot<JobEvents> | undefined {
    return this.#byId.get(id);
  }

  /** Passes the events of a job on and keeps its `done` event. */
  async *record(id: string, events: AsyncIterable<JobEvent>): AsyncGenerator<JobEvent> {
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
