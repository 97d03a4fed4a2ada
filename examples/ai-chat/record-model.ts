import type { LanguageModelV4, LanguageModelV4StreamPart } from "@ai-sdk/provider";
import { wrapLanguageModel } from "ai";

export interface ModelRecorder {
  /** The model is called: once for each step of an answer. */
  onCall(): void;
  /** What a call has given, when it is over. */
  onText(text: string): void;
}

/** Writes down what a model gives, at the model itself: whatever is between it and the page has no part in it. */
export function recordModel(model: LanguageModelV4, recorder: ModelRecorder): LanguageModelV4 {
  return wrapLanguageModel({
    model,
    middleware: {
      specificationVersion: "v4",
      wrapStream: async ({ doStream }) => {
        recorder.onCall();
        const { stream, ...rest } = await doStream();
        return { ...rest, stream: ReadableStream.from(record(stream, recorder)) };
      },
    },
  });
}

async function* record(
  stream: ReadableStream<LanguageModelV4StreamPart>,
  recorder: ModelRecorder,
): AsyncGenerator<LanguageModelV4StreamPart> {
  let text = "";
  try {
    for await (const part of stream) {
      if (part.type === "text-delta") text += part.delta;
      yield part;
    }
  } finally {
    recorder.onText(text);
  }
}
