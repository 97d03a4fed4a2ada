import { createLatch } from "../../../src/base/latch.ts";

interface Event {
  readonly event: string;
  readonly data: string;
}

type Item = { readonly event: Event } | { readonly end: "done" } | { readonly error: unknown };

/** What a registry or a writer's `pipe` reads: it yields what the simulation emits. */
export class SimulatedSource implements AsyncIterableIterator<Event> {
  readonly #items: Item[] = [];
  #wake: () => void = () => undefined;
  readonly #returned = createLatch();

  emit(item: Item): void {
    this.#items.push(item);
    this.#wake();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Event>> {
    while (this.#items.length === 0 && !this.#returned.closed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const item = this.#items.shift();
    if (item === undefined || "end" in item) return { done: true, value: undefined };
    if ("error" in item) throw item.error;
    return { done: false, value: item.event };
  }

  async return(): Promise<IteratorResult<Event>> {
    this.#returned.close();
    this.#wake();
    return { done: true, value: undefined };
  }
}
