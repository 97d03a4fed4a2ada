import { bridgeAbort } from "../base/abort-bridge.ts";
import { check, checkDuration } from "../base/validate.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { HEARTBEAT } from "../protocol/encode.ts";
import { isEventStream } from "../protocol/headers.ts";
import { createLatch } from "../base/latch.ts";

export interface HeartbeatOptions {
  /** A heartbeat goes out after so many ms without a byte; never with `Infinity`. @default 15_000 */
  readonly interval?: number;
  /** Cancels the source and errors the result, both with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** @default systemClock */
  readonly clock?: Clock;
}

type Bytes = Uint8Array<ArrayBuffer>;

/**
 * Writes heartbeats into an event stream while it is silent: between events, never inside one, however its bytes are
 * cut into chunks. Backpressure stays (a heartbeat is written only while somebody reads), a cancel goes upstream, and
 * no timer outlives the stream. A response that is no event stream, or an encoded one, is returned as it is.
 *
 * @throws `INVALID_OPTION` (as an error of the result if the source gives anything but bytes); TypeError for a stream
 * that is locked already
 *
 * @example
 * return withHeartbeat(await mcpTransport.handleRequest(request), { signal: request.signal });
 */
export function withHeartbeat(source: Response, options?: HeartbeatOptions): Response;
export function withHeartbeat<Memory extends ArrayBufferLike>(
  source: ReadableStream<Uint8Array<Memory>>,
  options?: HeartbeatOptions,
): ReadableStream<Uint8Array<Memory>>;
export function withHeartbeat(
  source: Response | ReadableStream<Bytes>,
  options: HeartbeatOptions = {},
): Response | ReadableStream<Bytes> {
  const { interval = 15_000, signal, clock = systemClock } = options;
  checkDuration("interval", interval);
  if (!("headers" in source)) return beating(source, interval, signal, clock);
  const { body, headers } = source;
  if (body === null || !isEventStream(headers) || isEncoded(headers)) return source;
  const response = new Response(beating(body, interval, signal, clock), source);
  // It counted the bytes without the heartbeats.
  response.headers.delete("content-length");
  return response;
}

function isEncoded(headers: Headers): boolean {
  return !["identity", null].includes(headers.get("content-encoding"));
}

function beating(
  source: ReadableStream<Bytes>,
  interval: number,
  signal: AbortSignal | undefined,
  clock: Clock,
): ReadableStream<Bytes> {
  const reader = source.getReader();
  const latch = createLatch();
  const head = new Head();
  const place = new Place();
  let controller: ReadableStreamDefaultController<Bytes>;
  let reading = false;
  let lastOut = clock.now();
  let disarm = (): void => undefined;
  latch.defer(() => disarm());

  /** Waits for the end of the silence. Only while somebody reads: otherwise heartbeats would pile up. */
  function arm(): void {
    disarm();
    if (!place.betweenEvents || interval === Infinity) return;
    disarm = clock.after(lastOut + interval - clock.now(), () => {
      head.beaten = true;
      // A copy: its reader may do with the memory what it likes.
      give(HEARTBEAT.slice());
    });
  }

  /** Hands the consumer what it waits for; it pulls again, maybe at once, when it wants more. */
  function give(bytes: Bytes): void {
    disarm();
    lastOut = clock.now();
    controller.enqueue(bytes);
  }

  /** Reads until there is something to give. */
  async function read(): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (latch.closed) return;
        if (done) return end();
        check(ArrayBuffer.isView(value), "source", "a stream of bytes", value);
        const bytes = head.pass(value);
        if (bytes.length === 0) continue;
        place.pass(bytes);
        reading = false;
        return give(bytes);
      }
    } catch (error) {
      stop(error);
    }
  }

  function end(): void {
    latch.close();
    const rest = head.rest();
    if (rest.length > 0) controller.enqueue(rest);
    controller.close();
  }

  function stop(reason: unknown): void {
    latch.close(reason);
    controller.error(reason);
    // Whether the source minds is its own affair: who reads has the reason already.
    reader.cancel(reason).catch(() => undefined);
  }

  return new ReadableStream<Bytes>(
    {
      start(own) {
        controller = own;
        latch.defer(bridgeAbort(signal, { abort: stop }));
      },
      pull() {
        arm();
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

/** Where an event stream stands (WHATWG HTML, 9.2.5): between two events or inside one. */
class Place {
  /** Only blank lines have come since the last event, or since the beginning. */
  #between = true;
  #lineEmpty = true;
  /** The last byte was a CR: an LF now belongs to it. */
  #afterCr = false;

  get betweenEvents(): boolean {
    return this.#between;
  }

  /** Takes note of bytes. Only the line ends at their end matter. */
  pass(bytes: Uint8Array): void {
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

const NOTHING: Bytes = new Uint8Array();
const BOM = [0xef, 0xbb, 0xbf];

/** The first bytes of a stream: behind a heartbeat a BOM would be part of a field's name, and is dropped. */
class Head {
  beaten = false;
  /** What is or may become a BOM; kept until more is known, `undefined` once it is. */
  #kept: Bytes | undefined = NOTHING;

  pass(chunk: Bytes): Bytes {
    if (this.#kept === undefined) return chunk;
    const bytes = new Uint8Array(this.#kept.length + chunk.length);
    bytes.set(this.#kept);
    bytes.set(chunk, this.#kept.length);
    const begins = BOM.every((byte, at) => at >= bytes.length || bytes[at] === byte);
    // Not even a whole one goes out alone: it would stand in the way of a heartbeat.
    this.#kept = begins && bytes.length <= BOM.length ? bytes : undefined;
    if (this.#kept !== undefined) return NOTHING;
    return begins && this.beaten ? bytes.subarray(BOM.length) : bytes;
  }

  rest(): Bytes {
    return this.beaten ? NOTHING : (this.#kept ?? NOTHING);
  }
}
