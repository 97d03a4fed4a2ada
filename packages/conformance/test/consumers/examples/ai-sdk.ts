import type { ControlEvent, SseEvent, StreamWriter } from "@holdfast/hono";
import * as ai from "ai";

/** Pushes the chunks of an answer as events without a name. */
export async function runAnswer(
  answer: StreamWriter<{ message: ai.UIMessageChunk }>,
  model: ai.LanguageModel,
  originalMessages: ai.UIMessage[],
): Promise<void> {
  await answer.pipe(async function* ({ signal }) {
    const messages = await ai.convertToModelMessages(originalMessages);
    const { stream } = ai.streamText({ model, messages, abortSignal: signal });
    // With the same message id for all readers, a client that resumes replaces what it has.
    const generateMessageId = (): string => answer.epoch;
    for await (const data of ai.toUIMessageStream({ stream, originalMessages, generateMessageId })) {
      if (data.type === "error") throw new Error(data.errorText); // otherwise the stream ends as `done`
      yield { data };
    }
  });
}

/** What clients get in place of control events. */
export function control({ event, data }: ControlEvent): SseEvent | undefined {
  if (event === "stream.end" && data.status === "done") return { data: "[DONE]" };
  const isIncomplete = event === "stream.end" || event === "stream.drain" || event === "stream.reset";
  return isIncomplete ? { data: { type: "error", errorText: "The answer is incomplete." } } : undefined;
}
