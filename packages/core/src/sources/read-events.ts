import { createParser, type EventSourceMessage, type EventSourceParser } from "eventsource-parser";
import { check, checkCount } from "../base/validate.ts";
import { HoldfastError } from "../base/errors.ts";
import type { SseEvent } from "../protocol/event.ts";
import { isEventStream } from "../protocol/headers.ts";
import { isPullable, type Pull, pull } from "../base/pull.ts";

export interface ReadEventsOptions {
  /** The longest event and the longest line, in characters. @default 1_048_576 */
  readonly maxEventSize?: number;
}

/** An upstream's answer. A quiet web stream can be cancelled, a quiet async iterable only when it wakes. */
export type EventBody = ReadableStream<Uint8Array | string> | AsyncIterable<Uint8Array | string>;

/**
 * The events of an upstream event stream, such as an LLM API's answer, pulled as they are wanted. Leaving the loop
 * cancels a response at once, however quiet it is.
 *
 * An upstream that speaks holdfast's protocol is understood: its control events are dropped, its `stream.end` ends the
 * iteration, and whatever means that the answer is not whole (a failure, a gap, a drain, a cut) fails it.
 *
 * @throws `INVALID_OPTION`; TypeError for a body that is locked or was read; and from `next()` `SOURCE_FAILED` for a
 * response that is not 200 or no event stream and for an answer that is not whole, `EVENT_TOO_LARGE`, and whatever the
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
  // The body first: that of `node:http` has headers of its own.
  if (isPullable(source)) return new EventReader(source, new Upstream(maxEventSize));
  const response = source as Response;
  const expected = "a Response, a ReadableStream or an async iterable";
  check(typeof response?.status === "number", "source", expected, source);
  return new EventReader(response.body ?? nothing(), new Upstream(maxEventSize, refusalOf(response)));
}

function refusalOf({ status, headers }: Response): HoldfastError | undefined {
  if (status !== 200) {
    const retryable = [408, 425, 429].includes(status) || status >= 500;
    return new HoldfastError("SOURCE_FAILED", `The upstream answered ${status}.`, { retryable });
  }
  if (isEventStream(headers)) return undefined;
  return new HoldfastError("SOURCE_FAILED", "The upstream's answer is no event stream.");
}

async function* nothing(): AsyncGenerator<never> {
  // A response may have no body.
}

class EventReader implements AsyncIterableIterator<SseEvent> {
  readonly #chunks: Pull<Uint8Array | string>;
  readonly #upstream: Upstream;
  #turn: Promise<unknown> = Promise.resolve();
  #over = false;

  constructor(body: EventBody, upstream: Upstream) {
    // What a body fails with after it was let go concerns nobody.
    this.#chunks = pull(body, () => undefined);
    this.#upstream = upstream;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<SseEvent>> {
    const result = this.#turn.then(() => this.#next());
    this.#turn = result.catch(() => undefined);
    return result;
  }

  /** Does not wait for a pending `next`, which ends with it. */
  async return(): Promise<IteratorResult<SseEvent>> {
    this.#over = true;
    this.#chunks.release();
    return { done: true, value: undefined };
  }

  async #next(): Promise<IteratorResult<SseEvent>> {
    try {
      while (!this.#over) {
        const value = this.#upstream.take();
        if (value !== undefined) return { done: false, value };
        if (this.#upstream.ended) break;
        const chunk = await this.#chunks.next();
        if (chunk === undefined) this.#upstream.finish();
        else this.#upstream.feed(chunk.value);
      }
    } catch (error) {
      await this.return();
      throw error;
    }
    return this.return();
  }
}

/** Chunks in, user events out. */
class Upstream {
  readonly #maxEventSize: number;
  readonly #parser: EventSourceParser;
  // The parser strips one BOM by itself: a decoder that did so too would strip a second.
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  #events: SseEvent[] = [];
  #taken = 0;
  #ended = false;
  #failure: HoldfastError | undefined;
  /** What a `stream.error` said, until an event shows that it went on. */
  #notice: HoldfastError | undefined;
  /** Whether it is a stream or a channel of our protocol, which says how it ends. */
  #ours = false;

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

  /** Whether the stream was whole, and nothing comes any more. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * The next event, if one has come whole.
   *
   * @throws why there will be no more, once all that came before was taken
   */
  take(): SseEvent | undefined {
    if (this.#taken < this.#events.length) return this.#events[this.#taken++];
    this.#events = [];
    this.#taken = 0;
    if (this.#failure !== undefined) throw this.#failure;
    return undefined;
  }

  feed(chunk: Uint8Array | string): void {
    this.#parser.feed(typeof chunk === "string" ? chunk : this.#decoder.decode(chunk, { stream: true }));
  }

  /** There are no more chunks. What came of a last event without its blank line does not count (9.2.6). */
  finish(): void {
    if (this.#ours) this.#fail(incomplete("The upstream's stream was cut."));
    // A bare source that failed says nothing else.
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

  /** Whether it is a control event of our protocol. */
  #control(event: string, data: string): boolean {
    switch (event) {
      case "stream.open":
        this.#ours = true;
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
        return this.#ours;
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
