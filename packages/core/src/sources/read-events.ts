import { createParser, type EventSourceMessage, type EventSourceParser } from "eventsource-parser";
import { check, checkCount } from "../base/validate.ts";
import { HoldfastError } from "../base/errors.ts";
import type { SseEvent } from "../protocol/event.ts";
import { isEventStream } from "../protocol/headers.ts";
import { isPullable, type Pull, pull } from "../base/pull.ts";

/** Options of {@link readEvents}. */
export interface ReadEventsOptions {
  /** An event, and a line, may have at most this many characters. @default 1_048_576 */
  readonly maxEventSize?: number;
}

/**
 * The body of an upstream's response, in chunks of bytes or text. A web stream can be cancelled at any time, an async
 * iterable only when it produces its next chunk.
 */
export type EventBody = ReadableStream<Uint8Array | string> | AsyncIterable<Uint8Array | string>;

/**
 * Parses the events of an upstream's event stream (WHATWG HTML, 9.2.6), such as the response of an LLM API, as fast as
 * the consumer reads them. Leaving the loop cancels the response at once.
 *
 * An upstream that is a stream of holdfast is recognised. Its control events are not yielded: `stream.end` ends the
 * iteration, and everything that makes the response incomplete (a failure, a gap, a drain, a cut) is an error.
 *
 * @throws `INVALID_OPTION`; TypeError for a body that is locked or was read; and from `next()` `SOURCE_FAILED` for a
 * response whose status is not 200, that is not an event stream or is incomplete, `EVENT_TOO_LARGE`, and whatever the
 * body fails with
 *
 * @example
 * void job.pipe(async function* ({ signal }) {
 *   yield* readEvents(await fetch(url, { method: "POST", body, signal }));
 * });
 */
export function readEvents(
  source: Response | EventBody,
  options: ReadEventsOptions = {},
): AsyncIterableIterator<SseEvent> {
  const { maxEventSize = 1_048_576 } = options;
  checkCount("maxEventSize", maxEventSize);
  // Bodies first: a `node:http` message is an iterable body, although it has a status and headers too.
  if (isPullable(source)) return new EventReader(source, new UpstreamParser(maxEventSize));
  const response = source as Response;
  const expected = "a Response, a ReadableStream or an async iterable";
  check(typeof response?.status === "number", "source", expected, source);
  return new EventReader(
    response.body ?? emptyBody(),
    new UpstreamParser(maxEventSize, statusErrorOf(response)),
  );
}

function statusErrorOf({ status, headers }: Response): HoldfastError | undefined {
  if (status !== 200) {
    const retryable = [408, 425, 429].includes(status) || status >= 500;
    return new HoldfastError("SOURCE_FAILED", `The upstream answered ${status}.`, { retryable });
  }
  if (isEventStream(headers)) return undefined;
  return new HoldfastError("SOURCE_FAILED", "The upstream's answer is no event stream.");
}

async function* emptyBody(): AsyncGenerator<never> {
  // A response may have no body.
}

class EventReader implements AsyncIterableIterator<SseEvent> {
  readonly #chunks: Pull<Uint8Array | string>;
  readonly #parser: UpstreamParser;
  /** Settles when the `next` before has, so that calls run one after the other. */
  #previous: Promise<unknown> = Promise.resolve();
  #over = false;

  constructor(body: EventBody, parser: UpstreamParser) {
    // Failures of a body after its release are ignored: the consumer has left or has an error already.
    this.#chunks = pull(body, () => undefined);
    this.#parser = parser;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<SseEvent>> {
    const result = this.#previous.then(() => this.#next());
    this.#previous = result.catch(() => undefined);
    return result;
  }

  /** Does not wait for a pending `next`, but ends it. */
  async return(): Promise<IteratorResult<SseEvent>> {
    this.#over = true;
    this.#chunks.release();
    return { done: true, value: undefined };
  }

  async #next(): Promise<IteratorResult<SseEvent>> {
    try {
      while (!this.#over) {
        const value = this.#parser.shift();
        if (value !== undefined) return { done: false, value };
        if (this.#parser.ended) break;
        const chunk = await this.#chunks.next();
        if (chunk === undefined) this.#parser.finish();
        else this.#parser.feed(chunk.value);
      }
    } catch (error) {
      await this.return();
      throw error;
    }
    return this.return();
  }
}

/** Parses chunks into user events, and interprets the control events of holdfast's protocol. */
class UpstreamParser {
  readonly #maxEventSize: number;
  readonly #parser: EventSourceParser;
  // The parser strips one BOM itself; with a decoder that strips one too, a second BOM would get lost.
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  #events: SseEvent[] = [];
  #shifted = 0;
  #ended = false;
  #failure: HoldfastError | undefined;
  /** The error of the last `stream.error`, until an event shows that the stream goes on. */
  #notice: HoldfastError | undefined;
  /** Whether it is a stream or channel of holdfast, whose end is explicit: there was a `stream.open`. */
  #isHoldfast = false;

  constructor(maxEventSize: number, failure?: HoldfastError) {
    this.#maxEventSize = maxEventSize;
    this.#failure = failure;
    this.#parser = createParser({
      maxBufferSize: maxEventSize,
      onEvent: (event) => this.#event(event),
      onError: ({ type }) => {
        if (type === "max-buffer-size-exceeded") this.#tooLarge();
      },
    });
  }

  /** Whether the stream is complete, and no event follows those that are not yet taken. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * Removes the next event, if a complete one has arrived.
   *
   * @throws the stream's failure, once there are no more events
   */
  shift(): SseEvent | undefined {
    if (this.#shifted < this.#events.length) return this.#events[this.#shifted++];
    this.#events = [];
    this.#shifted = 0;
    if (this.#failure !== undefined) throw this.#failure;
    return undefined;
  }

  feed(chunk: Uint8Array | string): void {
    this.#parser.feed(typeof chunk === "string" ? chunk : this.#decoder.decode(chunk, { stream: true }));
  }

  /** The body has ended. An event without its blank line is discarded (WHATWG HTML, 9.2.6). */
  finish(): void {
    if (this.#isHoldfast) this.#fail(incomplete("The upstream's stream was cut."));
    // Nothing else marks the failure of a bare source.
    else if (this.#notice !== undefined) this.#fail(this.#notice);
    else this.#ended = true;
  }

  #event({ event, id, data }: EventSourceMessage): void {
    if (this.#ended || this.#failure !== undefined) return;
    if (data.length + (event?.length ?? 0) + (id?.length ?? 0) > this.#maxEventSize) return this.#tooLarge();
    if (event?.startsWith("stream.") === true && this.#control(event, data)) return;
    this.#notice = undefined;
    this.#events.push({ ...(event !== undefined && { event }), ...(id !== undefined && { id }), data });
  }

  /** Handles a control event. Returns false for an event that is none of holdfast's. */
  #control(event: string, data: string): boolean {
    switch (event) {
      case "stream.open":
        this.#isHoldfast = true;
        return true;
      case "stream.error":
        this.#notice = errorOf(data);
        return true;
      case "stream.reset":
        this.#fail(incomplete("Some of the upstream's events are missing."));
        return true;
      case "stream.drain":
        this.#fail(incomplete("The upstream closed before its stream ended."));
        return true;
      case "stream.end":
        this.#end(statusOf(data));
        return true;
      default:
        return this.#isHoldfast;
    }
  }

  #end(status: unknown): void {
    if (status === "done") this.#ended = true;
    else if (status === "failed" && this.#notice !== undefined) this.#fail(this.#notice);
    else this.#fail(new HoldfastError("SOURCE_FAILED", "The upstream's stream failed."));
  }

  #tooLarge(): void {
    const message = `An upstream event is over ${this.#maxEventSize} characters.`;
    this.#fail(new HoldfastError("EVENT_TOO_LARGE", message));
  }

  #fail(error: HoldfastError): void {
    if (!this.#ended) this.#failure ??= error;
  }
}

function incomplete(message: string): HoldfastError {
  return new HoldfastError("SOURCE_FAILED", message, { retryable: true });
}

function statusOf(data: string): unknown {
  return parse(data)["status"];
}

function errorOf(data: string): HoldfastError {
  const { message, retryable } = parse(data);
  const text = typeof message === "string" ? message : "The upstream's stream failed.";
  return new HoldfastError("SOURCE_FAILED", text, { retryable: retryable === true });
}

function parse(data: string): Record<string, unknown> {
  try {
    return { ...(JSON.parse(data) as object) };
  } catch {
    return {};
  }
}
