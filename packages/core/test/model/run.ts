import { createLatch } from "../../src/base/latch.ts";
import type { Life } from "./truth.ts";

interface Event {
  readonly event: string;
  readonly data: string;
}

type Item = { readonly event: Event } | { readonly end: "done" } | { readonly error: unknown };

/** One run of a source on demand, which gives what it is told to. */
export class Run implements AsyncIterableIterator<Event> {
  readonly life: Life;
  readonly signal: AbortSignal;
  readonly #items: Item[] = [];
  #wake: () => void = () => undefined;
  readonly #over = createLatch();

  constructor(life: Life, signal: AbortSignal) {
    this.life = life;
    this.signal = signal;
  }

  give(item: Item): void {
    this.#items.push(item);
    this.#wake();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Event>> {
    while (this.#items.length === 0 && !this.#over.closed) {
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
    this.#over.close();
    this.#wake();
    return { done: true, value: undefined };
  }
}
