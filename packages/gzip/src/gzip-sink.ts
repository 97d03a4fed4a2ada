import { crc32 } from "node:zlib";
import type { Sink, SinkEvents } from "@holdfast/core";
import { store } from "./deflate.ts";
import { LineReader } from "./shared-blocks.ts";

/** Without a time and a name (RFC 1952, section 2.3). */
const HEADER = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff);
/** The last block, without content. */
const LAST_BLOCK = Uint8Array.of(3, 0);
/** What core writes at once to a sink that does not say what its transport has taken. */
const PAGE_BYTES = 65_536;

/** One compressed response. It has no compressor: it is made of blocks, most of which are shared by many responses. */
export class GzipSink implements Sink, SinkEvents {
  #sink!: Sink;
  readonly #events: SinkEvents;
  #state: "open" | "closing" | "over" = "open";
  #hasBegun = false;
  #isBlocked = false;
  readonly #reader = new LineReader();
  /** What the checksum still lacks: the bytes from `#from` to `#to` of this memory. */
  #memory: ArrayBufferLike | undefined;
  #from = 0;
  #to = 0;
  #checksum = 0;
  #size = 0;

  private constructor(events: SinkEvents) {
    this.#events = events;
  }

  static open(open: (events: SinkEvents) => Sink, events: SinkEvents): GzipSink {
    const sink = new GzipSink(events);
    sink.#sink = open(sink);
    return sink;
  }

  get pageBytes(): number {
    return this.#sink.pageBytes ?? (this.#sink.progress === undefined ? PAGE_BYTES : Infinity);
  }

  progress(): number {
    return this.#sink.progress?.() ?? 0;
  }

  write(bytes: Uint8Array, events = 0): boolean {
    if (this.#state !== "open") return false;
    return this.#send(events > 0 ? this.#takeShared(bytes) : this.#takeOwn(bytes));
  }

  close(): void {
    if (this.#state !== "open") return;
    this.#state = "closing";
    if (!this.#isBlocked) this.#finish();
  }

  /** Without the checksum: the client sees that something is missing. */
  cut(reason: unknown): void {
    this.#state = "over";
    this.#sink.cut(reason);
  }

  destroy(reason?: unknown): void {
    this.#state = "over";
    this.#sink.destroy(reason);
  }

  drained(): void {
    this.#isBlocked = false;
    if (this.#state === "closing") this.#finish();
    else this.#events.drained();
  }

  closed(): void {
    this.#state = "over";
    this.#memory = undefined;
    this.#events.closed();
  }

  #finish(): void {
    this.#state = "over";
    this.#countShared();
    const end = new Uint8Array(10);
    end.set(LAST_BLOCK);
    const view = new DataView(end.buffer, LAST_BLOCK.length);
    view.setUint32(0, this.#checksum, true);
    view.setUint32(4, this.#size, true);
    this.#send(end);
    this.#sink.close();
  }

  #send(block: Uint8Array): boolean {
    const canWriteMore = this.#sink.write(this.#hasBegun ? block : concat(HEADER, block));
    this.#hasBegun = true;
    this.#isBlocked = !canWriteMore;
    return canWriteMore;
  }

  #takeShared(bytes: Uint8Array): Uint8Array {
    const { buffer, byteOffset, byteLength } = bytes;
    if (this.#memory !== buffer || this.#to !== byteOffset) {
      this.#countShared();
      this.#memory = buffer;
      this.#from = byteOffset;
    }
    this.#to = byteOffset + byteLength;
    return this.#reader.read(bytes);
  }

  #takeOwn(bytes: Uint8Array): Uint8Array {
    this.#countShared();
    this.#count(bytes);
    this.#reader.leave();
    return store(bytes);
  }

  /** The checksum of shared bytes is made once for many events. */
  #countShared(): void {
    if (this.#memory !== undefined)
      this.#count(new Uint8Array(this.#memory, this.#from, this.#to - this.#from));
    this.#memory = undefined;
  }

  #count(bytes: Uint8Array): void {
    this.#checksum = crc32(bytes, this.#checksum);
    this.#size = (this.#size + bytes.length) >>> 0;
  }
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
