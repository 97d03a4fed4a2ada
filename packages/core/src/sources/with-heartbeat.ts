import { checkOptions, type OptionNames } from "../base/check-options.ts";
import { bridgeAbort } from "../base/abort-bridge.ts";
import { check, checkDuration } from "../base/validate.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { HEARTBEAT } from "../protocol/encode.ts";
import { isEventStream } from "../protocol/headers.ts";
import { createLatch } from "../base/latch.ts";

/** Options of {@link withHeartbeat}. */
export interface HeartbeatOptions {
  /** A heartbeat is written after this many ms without a byte; `Infinity` for none. @default 15_000 */
  readonly interval?: number;
  /** When it aborts, the source is cancelled and the result fails, both with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** @default systemClock */
  readonly clock?: Clock;
}

const HEARTBEAT_NAMES: OptionNames<HeartbeatOptions> = { interval: true, signal: true, clock: true };

type Bytes = Uint8Array<ArrayBuffer>;

/**
 * Adds heartbeats to the event stream of another library while it is silent. They go between events, never inside one,
 * however the bytes are split into chunks. Back-pressure is kept: a heartbeat is written only while the result is read.
 * A cancel is passed on to the source, and no timer outlives the stream. A response that is not an event stream, or
 * whose body is compressed, is returned unchanged.
 *
 * A stream may consist of bytes or of text, which comes out as UTF-8.
 *
 * @throws `INVALID_OPTION`, also as a failure of the result if the source produces anything else; TypeError for a stream
 * that is locked
 *
 * @example
 * return withHeartbeat(await mcpTransport.handleRequest(request), { signal: request.signal });
 */
export function withHeartbeat(source: Response, options?: HeartbeatOptions): Response;
export function withHeartbeat<Memory extends ArrayBufferLike = ArrayBuffer>(
  source: ReadableStream<Uint8Array<Memory> | string>,
  options?: HeartbeatOptions,
): ReadableStream<Uint8Array<Memory>>;
export function withHeartbeat(
  source: Response | ReadableStream<Bytes | string>,
  options: HeartbeatOptions = {},
): Response | ReadableStream<Bytes> {
  checkOptions(undefined, options, HEARTBEAT_NAMES);
  const { interval = 15_000, signal, clock = systemClock } = options;
  checkDuration("interval", interval);
  if (!("headers" in source)) return addHeartbeats(source, interval, signal, clock);
  const { body, headers } = source;
  if (body === null || !isEventStream(headers) || isEncoded(headers)) return source;
  const response = new Response(addHeartbeats(body, interval, signal, clock), source);
  // It does not count the heartbeats.
  response.headers.delete("content-length");
  return response;
}

function isEncoded(headers: Headers): boolean {
  return !["identity", null].includes(headers.get("content-encoding"));
}

function addHeartbeats(
  source: ReadableStream<Bytes | string>,
  interval: number,
  signal: AbortSignal | undefined,
  clock: Clock,
): ReadableStream<Bytes> {
  const reader = source.getReader();
  const latch = createLatch();
  const encoder = new ChunkEncoder();
  const start = new StreamStart();
  const position = new StreamPosition();
  let controller: ReadableStreamDefaultController<Bytes>;
  let reading = false;
  let lastWrite = clock.now();
  let cancelTimer = (): void => undefined;
  latch.defer(() => cancelTimer());

  /** Sets the timer of the next heartbeat. Called only while the result is read: otherwise heartbeats would pile up. */
  function scheduleHeartbeat(): void {
    cancelTimer();
    if (!position.betweenEvents || interval === Infinity) return;
    cancelTimer = clock.after(lastWrite + interval - clock.now(), () => {
      start.hasHeartbeat = true;
      // A copy, because the consumer may change or transfer the memory.
      write(HEARTBEAT.slice());
    });
  }

  /** Gives the consumer the chunk that it waits for. It may pull the next one at once. */
  function write(bytes: Bytes): void {
    cancelTimer();
    lastWrite = clock.now();
    controller.enqueue(bytes);
  }

  /** Reads until there is a chunk to write. */
  async function read(): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (latch.closed) return;
        if (done) return end();
        const bytes = start.transform(encoder.encode(value));
        if (bytes.length === 0) continue;
        position.advance(bytes);
        reading = false;
        return write(bytes);
      }
    } catch (error) {
      stop(error);
    }
  }

  function end(): void {
    latch.close();
    for (const rest of [start.transform(encoder.rest()), start.rest()]) {
      if (rest.length > 0) controller.enqueue(rest);
    }
    controller.close();
  }

  function stop(reason: unknown): void {
    latch.close(reason);
    controller.error(reason);
    // A source that fails to cancel is ignored: the consumer already has the reason.
    reader.cancel(reason).catch(() => undefined);
  }

  return new ReadableStream<Bytes>(
    {
      start(streamController) {
        controller = streamController;
        latch.defer(bridgeAbort(signal, { abort: stop }));
      },
      pull() {
        scheduleHeartbeat();
        if (reading) return;
        reading = true;
        void read();
      },
      cancel(reason) {
        latch.close(reason);
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

const LF = 10;
const CR = 13;

/** Whether the position in an event stream (WHATWG HTML, 9.2.5) is between two events or inside one. */
class StreamPosition {
  /** There were only blank lines since the last event, or since the beginning. */
  #between = true;
  #lineEmpty = true;
  /** The last byte was a CR, so that an LF now belongs to the same line end. */
  #afterCr = false;

  get betweenEvents(): boolean {
    return this.#between;
  }

  /** Moves the position past these bytes. Only the line ends at their end matter. */
  advance(bytes: Uint8Array): void {
    let start = bytes.length;
    while (start > 0 && isLineEnd(bytes[start - 1])) start--;
    if (start > 0) this.#between = this.#lineEmpty = this.#afterCr = false;
    for (const byte of bytes.subarray(start)) {
      const secondHalf = byte === LF && this.#afterCr;
      this.#afterCr = byte === CR;
      if (secondHalf) continue;
      if (this.#lineEmpty) this.#between = true;
      this.#lineEmpty = true;
    }
  }
}

function isLineEnd(byte: number | undefined): boolean {
  return byte === LF || byte === CR;
}

/** Encodes chunks of text as UTF-8; bytes stay as they are. Two chunks of text may share a surrogate pair. */
class ChunkEncoder {
  readonly #encoder = new TextEncoder();
  /** The first half of a pair at the end of the last chunk. */
  #half = "";

  encode(chunk: Bytes | string): Bytes {
    if (typeof chunk === "string") {
      const text = this.#half + chunk;
      this.#half = /[\ud800-\udbff]$/.exec(text)?.[0] ?? "";
      return this.#encoder.encode(text.slice(0, text.length - this.#half.length));
    }
    check(ArrayBuffer.isView(chunk), "source", "a stream of bytes or text", chunk);
    return this.#half === "" ? chunk : concat(this.rest(), chunk);
  }

  /** A half without its other half, as U+FFFD. */
  rest(): Bytes {
    const half = this.#half;
    this.#half = "";
    return this.#encoder.encode(half);
  }
}

function concat(first: Bytes, second: Bytes): Bytes {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}

const EMPTY: Bytes = new Uint8Array();
const BOM = [0xef, 0xbb, 0xbf];

/** Handles a BOM at the start of a stream. After a heartbeat it would become part of a field name, so it is dropped. */
class StreamStart {
  hasHeartbeat = false;
  /** The first bytes, as long as they are or may become a BOM; `undefined` from then on. */
  #kept: Bytes | undefined = EMPTY;

  /** The bytes to write for a chunk; empty while its bytes are kept back. */
  transform(chunk: Bytes): Bytes {
    if (this.#kept === undefined) return chunk;
    const bytes = concat(this.#kept, chunk);
    const startsWithBom = BOM.every((byte, index) => index >= bytes.length || bytes[index] === byte);
    // A complete BOM is kept back too: once it is written, no heartbeat may come before the first event.
    this.#kept = startsWithBom && bytes.length <= BOM.length ? bytes : undefined;
    if (this.#kept !== undefined) return EMPTY;
    return startsWithBom && this.hasHeartbeat ? bytes.subarray(BOM.length) : bytes;
  }

  /** The bytes still kept back when the stream ends. */
  rest(): Bytes {
    return this.hasHeartbeat ? EMPTY : (this.#kept ?? EMPTY);
  }
}
