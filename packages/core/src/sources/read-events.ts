import { createParser, type EventSourceMessage, type EventSourceParser } from "eventsource-parser";
import { checkCount } from "../check.ts";
import { HoldfastError } from "../errors.ts";
import type { SseEvent } from "../event.ts";
import { isEventStream } from "../headers.ts";
import { type Pull, pull, type Pullable } from "../iterate.ts";

export interface ReadEventsOptions {
  /** The longest event and the longest line, in characters. @default 1_048_576 */
  readonly maxEventSize?: number;
}

export type EventBody =
  | ReadableStream<Uint8Array>
  | ReadableStream<string>
  | AsyncIterable<Uint8Array>
  | AsyncIterable<string>;

/**
 * The events of an upstream event stream, such as an LLM API's answer, pulled as they are wanted. Leaving the loop
 * cancels the upstream at once, however quiet it is.
 *
 * An upstream that speaks holdfast's protocol is understood: its control events are dropped, its `stream.end` ends the
 * iteration, and whatever means that the answer is not whole (a failure, a gap, a drain, a cut) fails it.
 *
 * @throws (from `next()`) `SOURCE_FAILED` for a response that is not 200 or no event stream, and for an answer that is
 * not whole; `EVENT_TOO_LARGE`; whatever the body fails with
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
  return new EventReader(source, maxEventSize);
}

class EventReader implements AsyncIterableIterator<SseEvent> {
  readonly #source: Response | EventBody;
  readonly #upstream: Upstream;
  #chunks: Pull<Uint8Array | string> | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #over = false;

  constructor(source: Response | EventBody, maxEventSize: number) {
    this.#source = source;
    this.#upstream = new Upstream(maxEventSize);
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
  return(): Promise<IteratorResult<SseEvent>> {
    this.#over = true;
    this.#chunks ??= pull(bodyOf(this.#source), ignore);
    this.#chunks.release();
    return Promise.resolve({ done: true, value: undefined });
  }

  async #next(): Promise<IteratorResult<SseEvent>> {
    try {
      while (!this.#over) {
        const value = this.#upstream.take();
        if (value !== undefined) return { done: false, value };
        if (this.#upstream.ended) break;
        await this.#feed();
      }
    } catch (error) {
      await this.return();
      throw error;
    }
    return this.return();
  }

  async #feed(): Promise<void> {
    if (this.#chunks === undefined) {
      if ("headers" in this.#source) refuseOther(this.#source);
      this.#chunks = pull(bodyOf(this.#source), ignore);
    }
    const chunk = await this.#chunks.next();
    if (this.#over) return;
    if (chunk === undefined) this.#upstream.finish();
    else this.#upstream.feed(chunk.value);
  }
}

function ignore(): void {
  // What an upstream fails with after it was let go concerns nobody.
}

function bodyOf(source: Response | EventBody): Pullable<Uint8Array | string> {
  return "headers" in source ? (source.body ?? new ReadableStream()) : source;
}

function refuseOther({ status, headers }: Response): void {
  if (status !== 200) {
    const retryable = [408, 425, 429].includes(status) || status >= 500;
    throw new HoldfastError("SOURCE_FAILED", `The upstream answered ${status}.`, { retryable });
  }
  if (!isEventStream(headers))
    throw new HoldfastError("SOURCE_FAILED", "The upstream's answer is no event stream.");
}

/** Chunks in, user events out. */
class Upstream {
  readonly #events: SseEvent[] = [];
  readonly #maxEventSize: number;
  readonly #parser: EventSourceParser;
  // The parser strips one BOM by itself: a decoder that did so too would strip a second.
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  #ended = false;
  #failure: HoldfastError | undefined;
  /** What a `stream.error` said, in case the end is a failure. */
  #cause: HoldfastError | undefined;
  /** Whether the upstream speaks our protocol, in which a stream says how it ends. */
  #ours = false;

  constructor(maxEventSize: number) {
    this.#maxEventSize = maxEventSize;
    this.#parser = createParser({
      maxBufferSize: maxEventSize,
      onEvent: (event) => this.#event(event),
      onError: ({ type }) => {
        if (type === "max-buffer-size-exceeded") this.#tooLarge();
      },
    });
  }

  /** Whether everything there was has been taken, and was whole. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * The next event, if one has come whole.
   *
   * @throws why there will be no more, once all that came before was taken
   */
  take(): SseEvent | undefined {
    const event = this.#events.shift();
    if (event === undefined && this.#failure !== undefined) throw this.#failure;
    return event;
  }

  feed(chunk: Uint8Array | string): void {
    if (this.#failure !== undefined || this.#ended) return;
    this.#parser.feed(typeof chunk === "string" ? chunk : this.#decoder.decode(chunk, { stream: true }));
  }

  /** There are no more chunks. What came of a last event without its blank line does not count (9.2.6). */
  finish(): void {
    if (this.#ours) this.#fail("The upstream's stream was cut.");
    this.#ended = true;
  }

  #event({ event, id, data }: EventSourceMessage): void {
    if (this.#ended || this.#failure !== undefined) return;
    if (event?.startsWith("stream.") === true && this.#control(event, data)) return;
    if (data.length > this.#maxEventSize) return this.#tooLarge();
    this.#events.push({ ...(event !== undefined && { event }), ...(id !== undefined && { id }), data });
  }

  /** Whether it is a control event of our protocol. */
  #control(event: string, data: string): boolean {
    switch (event) {
      case "stream.open":
        this.#ours = true;
        return true;
      case "stream.live":
        return true;
      case "stream.error":
        this.#cause = errorOf(data);
        return true;
      case "stream.reset":
        this.#fail("Some of the upstream's events are missing.");
        return true;
      case "stream.drain":
        this.#fail("The upstream closed before its stream ended.");
        return true;
      case "stream.end":
        if (statusOf(data) === "done") this.#ended = true;
        else
          this.#failure ??=
            this.#cause ?? new HoldfastError("SOURCE_FAILED", "The upstream's stream failed.");
        return true;
      default:
        return false;
    }
  }

  #fail(message: string): void {
    if (this.#ended) return;
    this.#failure ??= new HoldfastError("SOURCE_FAILED", message, { retryable: true });
  }

  #tooLarge(): void {
    this.#failure ??= new HoldfastError(
      "EVENT_TOO_LARGE",
      `An upstream event is over ${this.#maxEventSize} characters.`,
    );
  }
}

function statusOf(data: string): unknown {
  return (parse(data) as { status?: unknown } | undefined)?.status;
}

function errorOf(data: string): HoldfastError {
  const { message, retryable } = (parse(data) ?? {}) as { message?: unknown; retryable?: unknown };
  const text = typeof message === "string" ? message : "The upstream's stream failed.";
  return new HoldfastError("SOURCE_FAILED", text, { retryable: retryable === true });
}

function parse(data: string): object | undefined {
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
