import { setTimeout } from "node:timers/promises";
import type { LanguageModelV4, LanguageModelV4Prompt, LanguageModelV4StreamPart } from "@ai-sdk/provider";
import { MockLanguageModelV4 } from "ai/test";
import { mockAnswer } from "./mock-answer.ts";

/** A model that answers a question always with the same text, and calls a tool in between. */
export function mockModel(tokenDelay: number): LanguageModelV4 {
  return new MockLanguageModelV4({
    modelId: "mock",
    doStream: async ({ prompt, abortSignal }) => ({
      stream: ReadableStream.from(answer(prompt, tokenDelay, abortSignal)),
    }),
  });
}

async function* answer(
  prompt: LanguageModelV4Prompt,
  delay: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<LanguageModelV4StreamPart> {
  const question = lastQuestion(prompt);
  const { before, after, fails } = mockAnswer(question);
  const hasCounted = prompt.at(-1)?.role === "tool";
  const tokens = tokensOf(hasCounted ? after : before);

  yield { type: "stream-start", warnings: [] };
  yield { type: "text-start", id: "text" };
  for (const [index, delta] of tokens.entries()) {
    if (hasCounted && fails && index === tokens.length >> 1)
      throw new Error("The mock model was told to fail.");
    await setTimeout(delay, undefined, { signal });
    yield { type: "text-delta", id: "text", delta };
  }
  yield { type: "text-end", id: "text" };
  if (!hasCounted) yield* toolCall(question, delay, signal);
  const unified = hasCounted ? "stop" : "tool-calls";
  yield { type: "finish", finishReason: { unified, raw: unified }, usage: usageOf(tokens.length) };
}

async function* toolCall(
  text: string,
  delay: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<LanguageModelV4StreamPart> {
  const [id, toolName, input] = ["call", "countWords", JSON.stringify({ text })];
  yield { type: "tool-input-start", id, toolName };
  for (const delta of tokensOf(input)) {
    await setTimeout(delay, undefined, { signal });
    yield { type: "tool-input-delta", id, delta };
  }
  yield { type: "tool-input-end", id };
  yield { type: "tool-call", toolCallId: id, toolName, input };
}

function lastQuestion(prompt: LanguageModelV4Prompt): string {
  const question = prompt.findLast(({ role }) => role === "user");
  if (question?.role !== "user") return "";
  return question.content.map((part) => (part.type === "text" ? part.text : "")).join("");
}

/** Pieces that are cut inside of words, too, as those of a real model. */
function tokensOf(text: string): string[] {
  return text.match(/\s*\S{1,7}|\s+$/gu) ?? [];
}

function usageOf(tokens: number): Extract<LanguageModelV4StreamPart, { type: "finish" }>["usage"] {
  return {
    inputTokens: { total: tokens, noCache: tokens, cacheRead: 0, cacheWrite: 0 },
    outputTokens: { total: tokens, text: tokens, reasoning: 0 },
  };
}
