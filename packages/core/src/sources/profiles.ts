import type { HoldfastError } from "../base/errors.ts";
import type { ReadEventsOptions } from "./read-events.ts";
import { reportedError, type UpstreamMessage } from "./upstream-parser.ts";

/** How many tokens a request has used. Messages report the total so far, some of them only one of the two numbers. */
export interface TokenUsage {
  /** Of the prompt, those that came from a cache included. */
  readonly inputTokens?: number;
  /** Of the answer, those of its reasoning included. */
  readonly outputTokens?: number;
}

/** What there is to know about the event stream of an LLM API: options of `readEvents`, and what its messages mean. */
export interface UpstreamProfile extends Pick<ReadEventsOptions, "last"> {
  /** Whether a message is the end: the option `until` of `readEvents`. */
  readonly until: (message: UpstreamMessage) => boolean;
  /** The failure that a message reports, if it reports one: the option `error` of `readEvents`. */
  readonly error: (message: UpstreamMessage) => HoldfastError | undefined;
  /** The text that a message adds to the answer, if it adds any. */
  readonly text: (message: UpstreamMessage) => string | undefined;
  /** The numbers of tokens that a message reports, if it reports any. */
  readonly usage: (message: UpstreamMessage) => TokenUsage | undefined;
}

/**
 * OpenAI's chat completions, which end with `[DONE]`, and its responses, which end with `response.completed` or
 * `response.incomplete`; also for APIs that are compatible with them. Of several choices, `text` reads the first.
 *
 * @example
 * for await (const message of readEvents(await fetch(url, request), openai)) {
 *   const text = openai.text(message);
 *   if (text !== undefined) job.push({ event: "token", data: text });
 * }
 */
export const openai: UpstreamProfile = {
  until: ({ data }) => data === "[DONE]",
  last: (message) => isOf(message, "response.completed", "response.incomplete"),
  error(message) {
    const error = get(message, "error") ?? get(message, "response", "error");
    const hasFailed = isOf(message, "error", "response.failed") || Boolean(error);
    if (!hasFailed) return undefined;
    const codes = [get(message, "code"), get(message, "type"), at(error, "code"), at(error, "type")];
    return reportedError(message, !codes.some(isFinal));
  },
  text(message) {
    if (isOf(message, "response.output_text.delta")) return textOf(get(message, "delta"));
    const choices = get(message, "choices");
    const first: unknown = Array.isArray(choices)
      ? choices.find((choice) => (at(choice, "index") ?? 0) === 0)
      : undefined;
    return textOf(at(first, "delta", "content"));
  },
  usage(message) {
    const usage = get(message, "usage") ?? get(message, "response", "usage");
    const input = at(usage, "prompt_tokens") ?? at(usage, "input_tokens");
    return usageOf(input, at(usage, "completion_tokens") ?? at(usage, "output_tokens"));
  },
};

/**
 * Anthropic's messages, which end with `message_stop`.
 *
 * @example
 * yield* readEvents(await fetch(url, request), anthropic);
 */
export const anthropic: UpstreamProfile = {
  until: (message) => isOf(message, "message_stop"),
  error(message) {
    if (!isOf(message, "error")) return undefined;
    return reportedError(message, !isFinal(get(message, "error", "type")));
  },
  text: (message) => textOf(get(message, "delta", "text")),
  usage(message) {
    const usage = get(message, "usage") ?? get(message, "message", "usage");
    const input = at(usage, "input_tokens");
    const cached = ["cache_creation_input_tokens", "cache_read_input_tokens"].map((name) => at(usage, name));
    const total = [input, ...cached].reduce<number>((sum, count) => sum + (Number(count) || 0), 0);
    return usageOf(typeof input === "number" ? total : undefined, at(usage, "output_tokens"));
  },
};

/** The codes of errors that the same request would get again. */
const FINAL =
  /^(authentication_|billing_|content_|context_length|insufficient_|invalid_|not_found|permission_|request_too_large|unsupported_|4(?!08|25|29)\d\d$)/;

function isFinal(code: unknown): boolean {
  return FINAL.test(String(code));
}

/** A message is examined several times, but parsed once. */
const parsed = new WeakMap<UpstreamMessage, { readonly json: unknown }>();

function get(message: UpstreamMessage, ...path: string[]): unknown {
  let entry = parsed.get(message);
  if (entry === undefined) {
    entry = { json: parse(message.data) };
    parsed.set(message, entry);
  }
  return at(entry.json, ...path);
}

/** What an SDK has parsed, as a message that the functions of a profile read. */
export function messageOf(chunk: unknown): UpstreamMessage {
  const message: UpstreamMessage = { data: "" };
  parsed.set(message, { json: chunk });
  return message;
}

/** Whether it says that the answer is complete, or how it was finished, which SDKs show instead of the sentinel `[DONE]`. */
export function isLastChunk({ last }: UpstreamProfile, message: UpstreamMessage): boolean {
  const choices = get(message, "choices");
  const reasons = Array.isArray(choices) ? choices.map((choice) => at(choice, "finish_reason")) : [];
  return last?.(message) === true || reasons.some((reason) => typeof reason === "string");
}

function parse(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}

/** The value at a path inside a value of any shape. */
function at(value: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>((outer, name) => (Object(outer) as Record<string, unknown>)[name], value);
}

/** Whether a message is of one of these types. APIs give it as the event's name, in the data, or both. */
function isOf(message: UpstreamMessage, ...types: string[]): boolean {
  return [message.event, get(message, "type")].some((type) => types.includes(String(type)));
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function usageOf(input: unknown, output: unknown): TokenUsage | undefined {
  const usage = {
    ...(typeof input === "number" && { inputTokens: input }),
    ...(typeof output === "number" && { outputTokens: output }),
  };
  return Object.keys(usage).length > 0 ? usage : undefined;
}
