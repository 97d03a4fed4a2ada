import { checkOptions, type OptionNames } from "../base/check-options.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { isPullable, type Pull, pull } from "../base/pull.ts";
import { check, checkCount } from "../base/validate.ts";
import type { UpstreamProfile } from "./profiles.ts";
import { readExcerpt, type Refusal, refusalOf } from "./refused-response.ts";
import { type UpstreamMessage, UpstreamParser, type UpstreamRules } from "./upstream-parser.ts";

/** Options of {@link readEvents}. */
export interface ReadEventsOptions extends UpstreamRules {
  /** An event, and a line, may have at most this many characters. @default 1_048_576 */
  readonly maxEventSize?: number;
  /** @default systemClock */
  readonly clock?: Clock;
}

/** A profile such as `openai` is given as the options, with its functions for the caller. */
const READ_NAMES: OptionNames<ReadEventsOptions & UpstreamProfile> = {
  maxEventSize: true,
  clock: true,
  until: true,
  last: true,
  error: true,
  text: true,
  usage: true,
};

/**
 * The body of an upstream's response, in chunks of bytes or text. A web stream can be cancelled at any time, an async
 * iterable only when it produces its next chunk.
 */
export type EventBody = ReadableStream<Uint8Array | string> | AsyncIterable<Uint8Array | string>;

/**
 * Parses the events of an upstream's event stream (WHATWG HTML, 9.2.6), such as the response of an LLM API, as fast as
 * the consumer reads them. Leaving the loop cancels the response at once.
 *
 * Say how the upstream ends: otherwise half an answer, whose connection was closed early, counts as a whole one. The
 * profiles {@link openai} and {@link anthropic} are options for these APIs and those that imitate them.
 *
 * An upstream that is a stream of holdfast is recognised. Its control events are not yielded: `stream.end` ends the
 * iteration, and everything that makes the response incomplete (a failure, a gap, a drain, a cut) is an error.
 *
 * @throws `INVALID_OPTION`; TypeError for a body that is locked or was read; and from `next()` `EVENT_TOO_LARGE`, the
 * `AbortError` of an aborted request, and `SOURCE_FAILED` for a response that fails. It is retryable for a body that is
 * cut or ends too early, and for the statuses 408, 425, 429 and from 500 on, with the response's `Retry-After`; not
 * retryable for other statuses and for what is not an event stream. Its `cause` has up to 4 KiB of the error's body, for
 * the observer.
 *
 * @example
 * void job.pipe(async function* ({ signal }) {
 *   yield* readEvents(await fetch(url, { method: "POST", body, signal }), openai);
 * });
 */
export function readEvents(
  source: Response | EventBody,
  options: ReadEventsOptions = {},
): AsyncIterableIterator<UpstreamMessage> {
  checkOptions(undefined, options, READ_NAMES);
  const { maxEventSize = 1_048_576, clock = systemClock, ...rules } = options;
  checkCount("maxEventSize", maxEventSize);
  for (const name of ["until", "last", "error"] as const) {
    check(["function", "undefined"].includes(typeof rules[name]), name, "a function", rules[name]);
  }
  const parser = new UpstreamParser(maxEventSize, rules);
  // Bodies first: a `node:http` message is an iterable body, although it has a status and headers too.
  if (isPullable(source)) return new EventReader(source, parser, clock);
  const response = source as Response;
  const expected = "a Response, a ReadableStream or an async iterable";
  check(typeof response?.status === "number", "source", expected, source);
  return new EventReader(response.body ?? emptyBody(), parser, clock, refusalOf(response));
}

async function* emptyBody(): AsyncGenerator<never> {
  // A response may have no body.
}

class EventReader implements AsyncIterableIterator<UpstreamMessage> {
  readonly #chunks: Pull<Uint8Array | string>;
  readonly #parser: UpstreamParser;
  readonly #clock: Clock;
  readonly #refusal: Refusal | undefined;
  /** Settles when the `next` before has, so that calls run one after the other. */
  #previous: Promise<unknown> = Promise.resolve();
  #over = false;

  constructor(body: EventBody, parser: UpstreamParser, clock: Clock, refusal?: Refusal) {
    // Failures of a body after its release are ignored: the consumer has left or has an error already.
    this.#chunks = pull(body, () => undefined);
    this.#parser = parser;
    this.#clock = clock;
    this.#refusal = refusal;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<UpstreamMessage>> {
    const result = this.#previous.then(() => this.#next());
    this.#previous = result.catch(() => undefined);
    return result;
  }

  /** Does not wait for a pending `next`, but ends it. */
  async return(): Promise<IteratorResult<UpstreamMessage>> {
    this.#over = true;
    this.#chunks.release();
    return { done: true, value: undefined };
  }

  async #next(): Promise<IteratorResult<UpstreamMessage>> {
    try {
      while (!this.#over) {
        if (this.#refusal !== undefined) await this.#refuse(this.#refusal);
        const value = this.#parser.shift();
        if (value !== undefined) return { done: false, value };
        if (this.#parser.ended) break;
        await this.#feed();
      }
    } catch (error) {
      await this.return();
      throw error;
    }
    return this.return();
  }

  async #refuse(refusal: Refusal): Promise<void> {
    const body = await readExcerpt(this.#chunks, this.#clock);
    if (!this.#over) throw refusal(body);
  }

  async #feed(): Promise<void> {
    let chunk: { readonly value: Uint8Array | string } | undefined;
    try {
      chunk = await this.#chunks.next();
    } catch (error) {
      return this.#parser.cut(error);
    }
    if (chunk === undefined) this.#parser.finish();
    else this.#parser.feed(chunk.value);
  }
}
