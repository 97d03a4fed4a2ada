import type { UIMessageEvents } from "@holdfast/ai-sdk";
import { createRegistry, type Registry } from "@holdfast/hono";
import { type ChatTransport, readUIMessageStream, type UIMessage } from "ai";
import { MockLanguageModelV4 } from "ai/test";
import type { Hono } from "hono";
import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { connectPagesTo, eventually, load } from "../support/load.ts";

type Doing = Awaited<ReturnType<MockLanguageModelV4["doStream"]>>["stream"];
type Part = Doing extends ReadableStream<infer P> ? P : never;

/** A model that says two words, and waits between them. */
function createModel(gate: Promise<void>): MockLanguageModelV4 {
  const usage = {
    inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
    outputTokens: { total: 2, text: 2, reasoning: 0 },
  };
  return new MockLanguageModelV4({
    doStream: async ({ abortSignal }) => ({
      stream: toStream(
        (async function* (): AsyncGenerator<Part> {
          yield { type: "text-start", id: "1" };
          yield { type: "text-delta", id: "1", delta: "Once " };
          const stopped = new Promise((_, reject) =>
            abortSignal?.addEventListener("abort", () => reject(abortSignal.reason)),
          );
          await Promise.race([gate, stopped]);
          yield { type: "text-delta", id: "1", delta: "upon a time" };
          yield { type: "text-end", id: "1" };
          yield { type: "finish", finishReason: { unified: "stop", raw: "stop" }, usage };
        })(),
      ),
    }),
  });
}

function toStream(parts: AsyncGenerator<Part>): ReadableStream<Part> {
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await parts.next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
  });
}

/** Reads an answer; resolves with its last state, also when it was stopped. */
async function read(
  stream: Parameters<typeof readUIMessageStream>[0]["stream"] | null,
  onText?: (text: string) => void,
): Promise<string> {
  let text = "";
  if (stream === null) return text;
  try {
    for await (const { parts } of readUIMessageStream({ stream, terminateOnError: true })) {
      text = parts.map((part) => (part.type === "text" ? part.text : "")).join("");
      onText?.(text);
    }
  } catch (error) {
    if ((error as Error).name !== "AbortError") throw error;
  }
  return text;
}

const question: UIMessage = { id: "1", role: "user", parts: [{ type: "text", text: "A tale." }] };
const asked = (chatId: string): Parameters<ChatTransport<UIMessage>["sendMessages"]>[0] => ({
  chatId,
  messages: [question],
  trigger: "submit-message",
  messageId: undefined,
  abortSignal: undefined,
});

type Server = { app: Hono; saved: Map<string, UIMessage[]> };
type Page = { transport: ChatTransport<UIMessage>; stop: (chatId: string) => Promise<void> };
let service: Hono;
const connect = (): void => connectPagesTo((request) => service.request(request));
// The transport keeps the `fetch` that it finds.
connect();
const { transport, stop } = await load<Page>("ai-sdk", "chat-page.ts");
beforeEach(connect);

test("the chat of the guide: two pages, one call of the model, the whole message is saved", async () => {
  const gate = Promise.withResolvers<void>();
  const model = createModel(gate.promise);
  vi.stubGlobal("AI_SDK_DEFAULT_PROVIDER", { specificationVersion: "v4", languageModel: () => model });
  const { app, saved } = await load<Server>("ai-sdk", "chat-server.ts");
  service = app;
  const first = read(await transport.sendMessages(asked("whole")));
  await expect(transport.sendMessages(asked("whole"))).rejects.toThrow();
  const second = read(await transport.reconnectToStream({ chatId: "whole" }));
  gate.resolve();
  expect(await Promise.all([first, second])).toEqual(["Once upon a time", "Once upon a time"]);
  await eventually(() => expect(saved.get("whole")).toHaveLength(2));
  expect(model.doStreamCalls).toHaveLength(1);
  expect(await transport.reconnectToStream({ chatId: "whole" })).toBeNull();
});

test("the chat of the guide: a stop stops the model, and a part is not saved", async () => {
  const model = createModel(new Promise(() => undefined));
  vi.stubGlobal("AI_SDK_DEFAULT_PROVIDER", { specificationVersion: "v4", languageModel: () => model });
  const { app, saved } = await load<Server>("ai-sdk", "chat-server.ts");
  service = app;
  let stopped: Promise<void> | undefined;
  const text = await read(await transport.sendMessages(asked("stopped")), (shown) => {
    if (shown !== "") stopped ??= stop("stopped");
  });
  await stopped;
  expect(text).toBe("Once ");
  expect(model.doStreamCalls[0]?.abortSignal?.aborted).toBe(true);
  expect(saved.get("stopped")).toEqual([question]);
});

test("the chat that comes from resumable-stream is resumed", async () => {
  type After = { createChat: (model: MockLanguageModelV4, chats: Registry<UIMessageEvents>) => Hono };
  const { createChat } = await load<After>("migration", "use-chat-after.ts");
  const gate = Promise.withResolvers<void>();
  const chats = createRegistry<UIMessageEvents>();
  onTestFinished(() => chats.close({ deadline: 0 }));
  service = createChat(createModel(gate.promise), chats);
  const first = read(await transport.sendMessages(asked("moved")));
  const second = read(await transport.reconnectToStream({ chatId: "moved" }));
  gate.resolve();
  expect(await Promise.all([first, second])).toEqual(["Once upon a time", "Once upon a time"]);
});
