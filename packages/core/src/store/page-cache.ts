import { backoff } from "../base/backoff.ts";
import { Run } from "../log/slab.ts";
import { concatFrames } from "../protocol/control-events.ts";
import { withId } from "../protocol/encode.ts";
import { makeId } from "../protocol/event-id.ts";
import type { Archive } from "../stream/archive.ts";
import type { Stream, StreamReader } from "../stream/stream.ts";
import type { PageLimits } from "./store.ts";
import type { StoreClient } from "./store-client.ts";

/** How much is read from the store at once. */
export const PAGE: PageLimits = { frames: 256, bytes: 65_536 };
/** How many pages of a stream are kept for the next reader. */
const MAX_PAGES = 4;

interface Page {
  /** `undefined` while it is being read. */
  run: Run | undefined;
  readonly readers: Set<StreamReader>;
}

/**
 * The frames of a stream that the store still holds beyond the log here, one page at a time; a page is read once for all
 * readers at the same place. While the store is away readers wait: that is no gap.
 */
export class PageCache implements Archive {
  readonly #client: StoreClient;
  readonly #stream: Stream;
  readonly #mayComeBack: () => boolean;
  readonly #delay = backoff({ base: 100, cap: 2_000 });
  readonly #pages = new Map<number, Page>();
  #first: number;

  /** @param mayComeBack whether frames that the store does not have now may be stored again */
  constructor(client: StoreClient, stream: Stream, first: number, mayComeBack: () => boolean) {
    this.#client = client;
    this.#stream = stream;
    this.#first = first;
    this.#mayComeBack = mayComeBack;
  }

  get first(): number {
    return this.#first;
  }

  /** The store was found to begin with frame `first`. */
  setFirst(first: number): void {
    this.#first = first;
  }

  read(from: number, reader: StreamReader): Run | undefined {
    const page = this.#pages.get(from) ?? this.#request(from);
    if (page.run === undefined) page.readers.add(reader);
    return page.run;
  }

  #request(from: number): Page {
    const page: Page = { run: undefined, readers: new Set() };
    this.#pages.set(from, page);
    void this.#fetch(from, page, 0);
    return page;
  }

  async #fetch(from: number, page: Page, attempt: number): Promise<void> {
    const isKnown = await this.#readPage(from, page);
    if (this.#client.isClosed) return;
    const readers = Array.from(page.readers).filter((reader) => this.#stream.readers.has(reader));
    if (!isKnown && readers.length > 0) {
      const retry = (): void => void this.#fetch(from, page, attempt + 1);
      this.#client.clock.after(this.#delay(attempt, this.#client.random()), retry);
      return;
    }
    if (page.run === undefined) this.#pages.delete(from);
    page.readers.clear();
    for (const reader of readers) reader.wake();
  }

  /** Returns whether it is known now what the store has there. */
  async #readPage(from: number, page: Page): Promise<boolean> {
    const { id, log } = this.#stream;
    const limits = { ...PAGE, frames: Math.min(PAGE.frames, Math.max(1, log.first - from)) };
    try {
      const answer = await this.#client.read(id, { epoch: log.epoch, seq: from - 1 }, limits);
      if (answer.code === "trimmed") {
        this.#first = Math.max(answer.meta.first, from + 1);
        return true;
      }
      if (answer.code === "ok" && answer.frames.length > 0) {
        this.#first = answer.meta.first;
        this.#keep(from, page, answer.frames);
        return true;
      }
    } catch {
      // The client reports outages.
      return false;
    }
    if (this.#mayComeBack()) return false;
    this.#first = Infinity;
    return true;
  }

  #keep(from: number, page: Page, frames: readonly Uint8Array[]): void {
    page.run = new Run(concatFrames(withIds(this.#stream, from, frames)), from + frames.length - 1);
    let kept = 0;
    for (const [start, other] of Array.from(this.#pages).reverse()) {
      if (other.run !== undefined && ++kept > MAX_PAGES) this.#pages.delete(start);
    }
  }
}

/** Stored frames, of which `from` is the first number, as readers get them: those of a channel are stored without ids. */
export function withIds(
  { kind, log }: Stream,
  from: number,
  frames: readonly Uint8Array[],
): readonly Uint8Array[] {
  if (kind === "stream") return frames;
  return frames.map((frame, index) => withId(frame, makeId(log.epoch, from + index)));
}
