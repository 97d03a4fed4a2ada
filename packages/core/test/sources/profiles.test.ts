import { describe, expect, test } from "vitest";
import type { HoldfastError } from "../../src/base/errors.ts";
import { anthropic, openai, type TokenUsage, type UpstreamProfile } from "../../src/sources/profiles.ts";
import { readEvents } from "../../src/sources/read-events.ts";
import type { UpstreamMessage } from "../../src/sources/upstream-parser.ts";
import * as bodies from "../support/upstream-bodies.ts";

interface Answer {
  readonly messages: readonly UpstreamMessage[];
  readonly text: string;
  readonly usage: TokenUsage;
  readonly error?: HoldfastError;
}

async function readAnswer(profile: UpstreamProfile, body: readonly string[]): Promise<Answer> {
  const messages: UpstreamMessage[] = [];
  let text = "";
  let usage: TokenUsage = {};
  const response = new Response(body.join(""), { headers: { "content-type": "text/event-stream" } });
  try {
    for await (const message of readEvents(response, profile)) {
      messages.push(message);
      text += profile.text(message) ?? "";
      usage = { ...usage, ...profile.usage(message) };
    }
    return { messages, text, usage };
  } catch (error) {
    return { messages, text, usage, error: error as HoldfastError };
  }
}

describe.each<[string, UpstreamProfile, string[], TokenUsage]>([
  ["a chat completion", openai, bodies.chatCompletion, { inputTokens: 9, outputTokens: 2 }],
  ["a response", openai, bodies.openaiResponse, { inputTokens: 12, outputTokens: 4 }],
  [
    "a response of limited length",
    openai,
    bodies.openaiResponseCutShort,
    { inputTokens: 12, outputTokens: 4 },
  ],
  ["a message", anthropic, bodies.anthropicMessage, { inputTokens: 1_025, outputTokens: 15 }],
])("%s", (_, profile, body, usage) => {
  test("is read to its end, with its text and the tokens that it used", async () => {
    const answer = await readAnswer(profile, body);
    expect(answer).toMatchObject({ text: "Hello there", usage });
    expect(answer.error).toBeUndefined();
  });

  test("that stops before any of its events is a retryable failure, never a whole answer", async () => {
    for (let length = 0; length < body.length; length++) {
      const { messages, error } = await readAnswer(profile, body.slice(0, length));
      expect(messages).toHaveLength(length);
      expect(error).toMatchObject({
        code: "SOURCE_FAILED",
        message: "The upstream's answer ended before it was complete.",
        retryable: true,
      });
    }
  });

  test("is over at its end, whatever follows", async () => {
    const { text, error } = await readAnswer(profile, [...body, ...body, ...bodies.chatError]);
    expect([text, error]).toEqual(["Hello there", undefined]);
  });
});

test("the sentinel is not yielded, but the last event of a response is: it has the usage", async () => {
  const count = async (profile: UpstreamProfile, body: string[]): Promise<number> =>
    body.length - (await readAnswer(profile, body)).messages.length;
  expect(await count(openai, bodies.chatCompletion)).toBe(1);
  expect(await count(anthropic, bodies.anthropicMessage)).toBe(1);
  expect(await count(openai, bodies.openaiResponse)).toBe(0);
});

describe("an error inside the body is a failure", () => {
  const partOfChat = bodies.chatCompletion.slice(0, 3);
  test.each<[string, UpstreamProfile, string[], string, boolean]>([
    ["of a chat completion", openai, [...partOfChat, ...bodies.chatError], "Hello there", true],
    ["of a gateway", openai, [...partOfChat, ...bodies.gatewayError], "Hello there", true],
    ["a response that failed", openai, bodies.openaiResponseFailed, "Hello there", true],
    ["of a prompt that is not accepted", openai, bodies.openaiResponseError, "Hello there", false],
    ["of an overloaded model", anthropic, bodies.anthropicOverloaded, "Hello there", true],
    ["of an invalid request", anthropic, bodies.anthropicInvalid, "", false],
  ])("%s; its text is for the observer only", async (_, profile, body, text, retryable) => {
    const answer = await readAnswer(profile, body);
    expect(answer).toMatchObject({
      text,
      error: { code: "SOURCE_FAILED", message: "The upstream reported an error.", retryable },
    });
    const last = body.at(-1) as string;
    expect(answer.error?.cause).toBe(last.slice(last.indexOf("{"), -2));
  });
});

test.each([
  ["rate_limit_exceeded", true],
  ["insufficient_quota", false],
  ["invalid_api_key", false],
  ["context_length_exceeded", false],
  ["content_filter", false],
  [408, true],
  [429, true],
  [503, true],
  [400, false],
  [402, false],
])("an error of OpenAI with the code %s: retryable is %s", (code, retryable) => {
  for (const data of [{ error: { code, message: "No." } }, { type: "error", code, message: "No." }]) {
    expect(openai.error({ data: JSON.stringify(data) })).toMatchObject({ retryable });
  }
});

test("a message of any shape is no error of a profile, and says nothing", () => {
  for (const data of [
    "",
    "x",
    "null",
    "5",
    "[]",
    '{"choices":5,"usage":[],"error":null}',
    '{"choices":[null]}',
  ]) {
    for (const profile of [openai, anthropic]) {
      const message = { data };
      const { until, last, error, text, usage } = profile;
      expect([until(message), last?.(message) ?? false]).toEqual([false, false]);
      expect([error(message), text(message), usage(message)]).toEqual([undefined, undefined, undefined]);
    }
  }
});

test("an event named `error` is an error, whatever its data", () => {
  for (const data of ["", "overloaded", '{"type":"server_error"}', '{"error":{"message":"No."}}']) {
    for (const { error } of [openai, anthropic]) {
      expect(error({ event: "error", data })).toMatchObject({ code: "SOURCE_FAILED", retryable: true });
    }
  }
});

test("of several choices the first is read", () => {
  const choices = [
    { index: 1, delta: { content: "b" } },
    { index: 0, delta: { content: "a" } },
  ];
  expect(openai.text({ data: JSON.stringify({ choices }) })).toBe("a");
  expect(openai.text({ data: JSON.stringify({ choices: choices.slice(0, 1) }) })).toBeUndefined();
});
