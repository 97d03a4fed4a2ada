import type { Sink, SinkEvents } from "./sink.ts";

/** How many bytes are written at once, at most, to a sink that sees progress only in whole writes. */
export const PAGE_BYTES = 65_536;

/**
 * Opens a sink that always says how much its transport has taken. One that does not know it within a write gets large
 * writes in pages: each page that it flushes shows that the client reads.
 */
export function openPagedSink(open: (events: SinkEvents) => Sink, events: SinkEvents): Sink {
  let paged: PagedSink | undefined;
  const sink = open({
    drained: () => (paged === undefined ? events.drained() : paged.drained()),
    closed: () => events.closed(),
  });
  const { pageBytes = sink.progress === undefined ? PAGE_BYTES : Infinity } = sink;
  return pageBytes === Infinity ? sink : (paged = new PagedSink(sink, pageBytes, events));
}

class PagedSink implements Sink {
  readonly #sink: Sink;
  readonly #pageBytes: number;
  readonly #events: SinkEvents;
  /** What is left of a large write. It is a view of memory that all readers share. */
  #rest: Uint8Array | undefined;
  /** Ends the response when the rest is written. */
  #end: (() => void) | undefined;
  #flushes = 0;

  constructor(sink: Sink, pageBytes: number, events: SinkEvents) {
    this.#sink = sink;
    this.#pageBytes = pageBytes;
    this.#events = events;
  }

  progress(): number {
    return this.#flushes + (this.#sink.progress?.() ?? 0);
  }

  write(bytes: Uint8Array): boolean {
    if (this.#rest !== undefined) return false;
    if (bytes.length <= this.#pageBytes) return this.#sink.write(bytes);
    this.#rest = bytes;
    return this.#writeRest();
  }

  close(): void {
    this.#endWith(() => this.#sink.close());
  }

  cut(reason: unknown): void {
    this.#endWith(() => this.#sink.cut(reason));
  }

  destroy(reason?: unknown): void {
    this.#rest = this.#end = undefined;
    this.#sink.destroy(reason);
  }

  drained(): void {
    this.#flushes++;
    if (this.#rest !== undefined && !this.#writeRest()) return;
    this.#events.drained();
  }

  /** Returns whether everything is written, and the sink can take more. */
  #writeRest(): boolean {
    let canWriteMore = true;
    while (canWriteMore && this.#rest !== undefined) {
      const page = this.#rest.subarray(0, this.#pageBytes);
      this.#rest = page.length < this.#rest.length ? this.#rest.subarray(page.length) : undefined;
      canWriteMore = this.#sink.write(page);
    }
    if (this.#rest === undefined) this.#end?.();
    return canWriteMore;
  }

  #endWith(end: () => void): void {
    if (this.#rest === undefined) end();
    else this.#end ??= end;
  }
}
