import { HoldfastError } from "../base/errors.ts";
import { isPullable } from "../base/pull.ts";
import { check } from "../base/validate.ts";
import { isLastChunk, messageOf, type UpstreamProfile } from "./profiles.ts";
import { readEvents } from "./read-events.ts";
import { statusFailure } from "./refused-response.ts";
import { INCOMPLETE, incomplete, type UpstreamMessage } from "./upstream-parser.ts";

/** An answer of an LLM API: a response, or the iterator that the API's own SDK gives. */
export type LlmAnswer = Response | AsyncIterable<unknown>;

/** Options of {@link textDeltas}. */
export interface TextDeltasOptions<Name extends string = string> {
  /** The name of the events. @default "message" */
  readonly event?: Name;
}

/** An event with a piece of text. */
export interface TextDelta<Name extends string> {
  /** The name that the option `event` gives. */
  readonly event: Name;
  /** The text that follows what came before. */
  readonly data: string;
}

/**
 * The text of an LLM's answer, piece by piece, as events: what a page needs, and nothing else of what the API sends. It takes
 * the response of `fetch`, or what the official SDKs of OpenAI and Anthropic return for `stream: true`, or the promise of one.
 * Pass them the `signal` of `pipe`, and turn their own retries off if a queue runs the job again.
 *
 * An answer that breaks off is a failure, never the end, also where an SDK does not say so. Errors of the SDKs keep their
 * meaning: 408, 425, 429 and from 500 on, and a lost connection, are retryable, with the response's `Retry-After`.
 *
 * @throws (from `next()`) `SOURCE_FAILED`, `EVENT_TOO_LARGE`, `INVALID_OPTION`
 *
 * @example
 * void job.pipe(({ signal }) =>
 *   textDeltas(client.chat.completions.create({ model, messages, stream: true }, { signal }), openai, { event: "token" }),
 * );
 */
export async function* textDeltas<Name extends string = "message">(
  answer: LlmAnswer | PromiseLike<LlmAnswer>,
  profile: UpstreamProfile,
  { event = "message" as Name }: TextDeltasOptions<Name> = {},
): AsyncGenerator<TextDelta<Name>, void> {
  try {
    const given = await answer;
    const messages = isPullable(given) ? readChunks(given, profile) : readEvents(given as Response, profile);
    for await (const message of messages) {
      const data = profile.text(message);
      if (data !== undefined) yield { event, data };
    }
  } catch (error) {
    throw toFailure(error);
  }
}

/** What an SDK has parsed, with the checks that `readEvents` makes. */
async function* readChunks(
  chunks: AsyncIterable<unknown>,
  profile: UpstreamProfile,
): AsyncGenerator<UpstreamMessage, void> {
  check(
    typeof chunks[Symbol.asyncIterator] === "function",
    "answer",
    "a Response or an async iterable",
    chunks,
  );
  let isComplete = false;
  for await (const chunk of chunks) {
    const message = messageOf(chunk);
    const failure = profile.error(message);
    if (failure !== undefined) throw failure;
    isComplete ||= profile.until(message) || isLastChunk(profile, message);
    yield message;
  }
  // An iterator of an SDK also ends when it is aborted, or when its body ends too early.
  if (!isComplete) throw incomplete(INCOMPLETE);
}

/** An error of an SDK, by its status and its headers; those of a lost connection have neither. */
function toFailure(error: unknown): unknown {
  if (HoldfastError.is(error) || !(error instanceof Error) || error.name === "AbortError") return error;
  const { status, headers } = error as { readonly status?: unknown; readonly headers?: unknown };
  if (typeof status === "number") {
    const known =
      typeof (headers as Headers | undefined)?.get === "function" ? (headers as Headers) : new Headers();
    return statusFailure(status, known, error);
  }
  return incomplete("The upstream's stream was cut.", error);
}
