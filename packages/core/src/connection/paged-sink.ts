import type { Sink } from "./sink.ts";

/** How many bytes are written at once, at most, to a sink that sees progress only in whole writes. */
export const PAGE_BYTES = 65_536;

/**
 * A sink that always says how much its transport has taken. One that does not know it within a write gets large writes
 * in pages: each page that it flushes shows that the client reads.
 */
export function withPages(sink: Sink): Sink {
  const { pageBytes = sink.progress === undefined ? PAGE_BYTES : Infinity } = sink;
  return pageBytes === Infinity ? sink : new PagedSink(sink, pageBytes);
}

/** The sink has flushed what it was given. Returns whether it can take more: a paged one may have more pages to write. */
export function continuePages(sink: Sink | undefined): boolean {
  return !(sink instanceof PagedSink) || sink.writeNext();
}

class PagedSink implements Sink {
  readonly #sink: Sink;
  readonly #pageBytes: number;
  /** What is left of a large write. It is a view of memory that all readers share. */
  #rest: Uint8Array | undefined;
  #events = 0;
  /** Ends the response when the rest is written. */
  #end: (() => void) | undefined;
  #flushes = 0;

  constructor(sink: Sink, pageBytes: number) {
    this.#sink = sink;
    this.#pageBytes = pageBytes;
  }

  progress(): number {
    return this.#flushes + (this.#sink.progress?.() ?? 0);
  }

  write(bytes: Uint8Array, events = 0): boolean {
    if (this.#rest !== undefined) return false;
    if (bytes.length <= this.#pageBytes) return this.#sink.write(bytes, events);
    this.#rest = bytes;
    this.#events = events;
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

  writeNext(): boolean {
    this.#flushes++;
    return this.#rest === undefined || this.#writeRest();
  }

  /** Returns whether everything is written, and the sink can take more. */
  #writeRest(): boolean {
    let canWriteMore = true;
    while (canWriteMore && this.#rest !== undefined) {
      const page = this.#rest.subarray(0, this.#pageBytes);
      this.#rest = page.length < this.#rest.length ? this.#rest.subarray(page.length) : undefined;
      canWriteMore = this.#sink.write(page, this.#events);
    }
    if (this.#rest === undefined) this.#end?.();
    return canWriteMore;
  }

  #endWith(end: () => void): void {
    if (this.#rest === undefined) end();
    else this.#end ??= end;
  }
}
