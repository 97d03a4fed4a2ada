import { tool, type ToolSet } from "ai";
import { MockLanguageModelV4 } from "ai/test";
import { z } from "zod";

type Parts = Awaited<ReturnType<MockLanguageModelV4["doStream"]>>["stream"];
/** What a model's stream consists of. */
export type ModelPart = Parts extends ReadableStream<infer P> ? P : never;

export function finish(reason: "stop" | "tool-calls"): ModelPart {
  return {
    type: "finish",
    finishReason: { unified: reason, raw: undefined },
    usage: {
      inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
      outputTokens: { total: 4, text: 4, reasoning: 0 },
    },
  };
}

/** The parts of an answer of one step that is this text, in words. */
export function tell(text: string): ModelPart[] {
  return [
    { type: "text-start", id: "1" },
    ...text.split(/(?<= )/).map((delta): ModelPart => ({ type: "text-delta", id: "1", delta })),
    { type: "text-end", id: "1" },
    finish("stop"),
  ];
}

/** A model whose steps are these, each part when `gate` lets it. An Error among them fails its step. */
export function createModel(
  steps: readonly (readonly (ModelPart | Error)[])[],
  gate: () => Promise<void> | void = () => undefined,
): MockLanguageModelV4 {
  let step = 0;
  return new MockLanguageModelV4({
    doStream: async ({ abortSignal }) => {
      const parts = [...(steps[step++] ?? [])];
      const stream = new ReadableStream<ModelPart>(
        {
          start: (controller) =>
            abortSignal?.addEventListener("abort", () => controller.error(abortSignal.reason), {
              once: true,
            }),
          async pull(controller) {
            await gate();
            if (abortSignal?.aborted === true) return;
            const part = parts.shift();
            if (part === undefined) controller.close();
            else if (part instanceof Error) controller.error(part);
            else controller.enqueue(part);
          },
        },
        { highWaterMark: 0 },
      );
      return { stream };
    },
  });
}

/** A tool with preliminary results. */
export const tools: ToolSet = {
  weather: tool({
    description: "The weather of a city.",
    inputSchema: z.object({ city: z.string() }),
    execute: async function* ({ city }) {
      yield { city, state: "loading" };
      yield { city, state: "sunny", degrees: 21 };
    },
  }),
};

/** A gate that lets a part through at each call of `open`, in the order in which the model waits. */
export function createGate(): { readonly wait: () => Promise<void>; readonly open: () => void } {
  let tickets = 0;
  let waiting: (() => void)[] = [];
  return {
    wait: () =>
      new Promise((resolve) => {
        if (tickets > 0) {
          tickets--;
          resolve();
        } else waiting.push(resolve);
      }),
    open: () => {
      const first = waiting[0];
      if (first === undefined) return;
      waiting = waiting.slice(1);
      first();
    },
  };
}
