import { createParser, type EventSourceMessage, type EventSourceParser } from "eventsource-parser";
import { HoldfastError } from "../base/errors.ts";
import type { SseEvent } from "../protocol/event.ts";

/** An event of an upstream. */
export interface UpstreamMessage extends SseEvent {
  /** The event's name; missing for `message`. */
  readonly event?: string;
  readonly id?: string;
  readonly data: string;
}

/** How an upstream says that its stream is complete, or has failed. */
export interface UpstreamRules {
  /**
   * Whether a message is the upstream's sentinel: it says that the stream is complete, and is not yielded. With `until` or
   * `last`, the end of the body before that is a failure.
   */
  readonly until?: (message: UpstreamMessage) => boolean;
  /** Whether a message is the last one. Unlike a sentinel it is yielded. */
  readonly last?: (message: UpstreamMessage) => boolean;
  /** The failure that a message reports. @default a retryable failure for messages with the name `error` */
  readonly error?: (message: UpstreamMessage) => HoldfastError | undefined;
}

/** Parses chunks into user events, and interprets the control events of holdfast's protocol. */
export class UpstreamParser {
  readonly #maxEventSize: number;
  readonly #rules: UpstreamRules;
  readonly #parser: EventSourceParser;
  // The parser strips one BOM itself; with a decoder that strips one too, a second BOM would get lost.
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  #events: UpstreamMessage[] = [];
  #shifted = 0;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;
  /** The error of the last `stream.error`, until an event shows that the stream goes on. */
  #notice: HoldfastError | undefined;
  /** Whether it is a stream or channel of holdfast, whose end is explicit: there was a `stream.open`. */
  #isHoldfast = false;

  constructor(maxEventSize: number, rules: UpstreamRules) {
    this.#maxEventSize = maxEventSize;
    this.#rules = rules;
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
  shift(): UpstreamMessage | undefined {
    if (this.#shifted < this.#events.length) return this.#events[this.#shifted++];
    this.#events = [];
    this.#shifted = 0;
    if (this.#failure !== undefined) throw this.#failure.error;
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
    else if (this.#rules.until !== undefined || this.#rules.last !== undefined)
      this.#fail(incomplete(INCOMPLETE));
    else this.#ended = true;
  }

  /** The body has failed. An error that was announced before, or an abort, says more than the cut does. */
  cut(cause: unknown): void {
    if (HoldfastError.is(cause) || (cause as Error | undefined)?.name === "AbortError") this.#fail(cause);
    else if (this.#notice !== undefined && !this.#isHoldfast) this.#fail(this.#notice);
    else this.#fail(incomplete("The upstream's stream was cut.", cause));
  }

  #event({ event, id, data }: EventSourceMessage): void {
    if (this.#ended || this.#failure !== undefined) return;
    if (data.length + (event?.length ?? 0) + (id?.length ?? 0) > this.#maxEventSize) return this.#tooLarge();
    if (event?.startsWith("stream.") === true && this.#control(event, data)) return;
    this.#notice = undefined;
    const message = { ...(event !== undefined && { event }), ...(id !== undefined && { id }), data };
    try {
      this.#accept(message);
    } catch (error) {
      // Thrown out of the parser, it would overtake the events before this one.
      this.#fail(error);
    }
  }

  #accept(message: UpstreamMessage): void {
    const { until, last, error = errorOfName } = this.#rules;
    const failure = error(message);
    if (failure !== undefined) return this.#fail(failure);
    if (until?.(message) === true) {
      this.#ended = true;
      return;
    }
    this.#events.push(message);
    this.#ended = last?.(message) === true;
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
        this.#end(parse(data)["status"]);
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

  #fail(error: unknown): void {
    if (!this.#ended) this.#failure ??= { error };
  }
}

/** What is said of an answer that ends without its sentinel. */
export const INCOMPLETE = "The upstream's answer ended before it was complete.";

/** The failure of an answer that breaks off. */
export function incomplete(message: string, cause?: unknown): HoldfastError {
  return new HoldfastError("SOURCE_FAILED", message, { cause, retryable: true });
}

/**
 * The failure that an upstream has reported inside its stream. Its text goes to the observer and not to clients: it may
 * name accounts and keys.
 */
export function reportedError({ data }: UpstreamMessage, retryable: boolean): HoldfastError {
  const cause = data.slice(0, 4_096);
  return new HoldfastError("SOURCE_FAILED", "The upstream reported an error.", { cause, retryable });
}

function errorOfName(message: UpstreamMessage): HoldfastError | undefined {
  return message.event === "error" ? reportedError(message, true) : undefined;
}

function errorOf(data: string): HoldfastError {
  const { message, retryable, retryAfter } = parse(data);
  const text = typeof message === "string" ? message : "The upstream's stream failed.";
  const isDelay = Number.isSafeInteger(retryAfter) && (retryAfter as number) >= 0;
  return new HoldfastError("SOURCE_FAILED", text, {
    retryable: retryable === true,
    ...(isDelay && { retryAfter: retryAfter as number }),
  });
}

function parse(data: string): Record<string, unknown> {
  try {
    return { ...(JSON.parse(data) as object) };
  } catch {
    return {};
  }
}
