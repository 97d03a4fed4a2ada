import type { Stream } from "./stream.ts";

/** In a class with more streams than this, the largest ones are not searched for: all are within a factor of two. */
const MAX_SORTED = 64;

/** Streams by the size of their logs, in classes of powers of two, so that a push costs no more than a comparison. */
export class SizeClasses {
  readonly #classes: Set<Stream>[] = [];

  /** The size of a log has changed; 0 when it is no longer held. */
  resize(stream: Stream, before: number, after: number): void {
    const from = classOf(before);
    const to = classOf(after);
    if (from === to) return;
    this.#classes[from]?.delete(stream);
    if (to > 0) (this.#classes[to] ??= new Set()).add(stream);
  }

  /** All streams with events, those with the largest logs first. */
  *largestFirst(): Generator<Stream> {
    for (let size = this.#classes.length - 1; size > 0; size--) {
      const streams = Array.from(this.#classes[size] ?? []);
      if (streams.length <= MAX_SORTED) streams.sort((a, b) => b.log.bytes - a.log.bytes);
      yield* streams;
    }
  }
}

/** 0 for no bytes, else the number of binary digits. */
function classOf(bytes: number): number {
  // The logarithm is a call; almost all logs are smaller than 4 GiB.
  return bytes < 2 ** 32 ? 32 - Math.clz32(bytes) : Math.floor(Math.log2(bytes)) + 1;
}
