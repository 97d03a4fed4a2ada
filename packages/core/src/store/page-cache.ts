import { backoff } from "../base/backoff.ts";
import { concatFrames } from "../protocol/control-events.ts";
import { withId } from "../protocol/encode.ts";
import { makeId } from "../protocol/event-id.ts";
import type { StoreClient } from "./store-client.ts";
import type { Run } from "../log/log.ts";
import type { PageLimits } from "./store.ts";
import type { Archive, Stream, StreamReader } from "../stream/stream.ts";

/** How much is asked of the store at a time. */
export const PAGE: PageLimits = { frames: 256, bytes: 65_536 };
/** How many pages of a stream are kept for the next reader. */
const KEPT = 4;

interface Page {
  run: Run | undefined;
  readonly readers: Set<StreamReader>;
}

/**
 * What the store keeps of a stream beyond its log: one page at a time, read once for all who stand at the same place.
 * A store that is away is no gap: its readers wait.
 */
export class PageCache implements Archive {
  first: number;
  readonly #client: StoreClient;
  readonly #stream: Stream;
  readonly #isAwaited: () => boolean;
  readonly #delay = backoff({ base: 100, cap: 2_000 });
  readonly #pages = new Map<number, Page>();

  /** @param isAwaited whether what the store does not have now may come back */
  constructor(client: StoreClient, stream: Stream, first: number, isAwaited: () => boolean) {
    this.#client = client;
    this.#stream = stream;
    this.first = first;
    this.#isAwaited = isAwaited;
  }

  read(from: number, reader: StreamReader): Run | undefined {
    const page = this.#pages.get(from) ?? this.#ask(from);
    if (page.run === undefined) page.readers.add(reader);
    return page.run;
  }

  #ask(from: number): Page {
    const page: Page = { run: undefined, readers: new Set() };
    this.#pages.set(from, page);
    void this.#fetch(from, page, 0);
    return page;
  }

  async #fetch(from: number, page: Page, attempt: number): Promise<void> {
    const known = await this.#try(from, page);
    const readers = Array.from(page.readers).filter((reader) => this.#stream.readers.has(reader));
    if (this.#client.closed) return;
    if (!known && readers.length > 0) {
      const again = (): void => void this.#fetch(from, page, attempt + 1);
      this.#client.clock.after(this.#delay(attempt, this.#client.random()), again);
      return;
    }
    if (page.run === undefined) this.#pages.delete(from);
    page.readers.clear();
    for (const reader of readers) reader.wake();
  }

  /** Whether it is known now what is there. */
  async #try(from: number, page: Page): Promise<boolean> {
    const { id, log } = this.#stream;
    const limits = { ...PAGE, frames: Math.min(PAGE.frames, Math.max(1, log.first - from)) };
    try {
      const answer = await this.#client.read(id, { epoch: log.epoch, seq: from - 1 }, limits);
      if (answer.code === "trimmed") {
        this.first = Math.max(answer.meta.first, from + 1);
        return true;
      }
      if (answer.code === "ok" && answer.frames.length > 0) {
        this.first = answer.meta.first;
        this.#keep(from, page, answer.frames);
        return true;
      }
    } catch {
      // The client tells of it.
      return false;
    }
    if (this.#isAwaited()) return false;
    this.first = Infinity;
    return true;
  }

  #keep(from: number, page: Page, frames: readonly Uint8Array[]): void {
    page.run = { bytes: concatFrames(numbered(this.#stream, from, frames)), last: from + frames.length - 1 };
    let kept = 0;
    for (const [start, other] of Array.from(this.#pages).reverse()) {
      if (other.run !== undefined && ++kept > KEPT) this.#pages.delete(start);
    }
  }
}

/** What the store has of a stream from frame `from` on, as readers get it: a channel's frames are stored without ids. */
export function numbered(
  { kind, log }: Stream,
  from: number,
  frames: readonly Uint8Array[],
): readonly Uint8Array[] {
  if (kind === "stream") return frames;
  return frames.map((frame, index) => withId(frame, makeId(log.epoch, from + index)));
}
