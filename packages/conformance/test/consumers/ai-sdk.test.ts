import { readFile } from "node:fs/promises";
import type { Control } from "@holdfast/core";
import { AbstractChat, DefaultChatTransport, type UIMessage, type UIMessageChunk } from "ai";
import { MockLanguageModelV4 } from "ai/test";
import { afterEach, describe, expect, test, vi } from "vitest";
import { eventually } from "../../src/harness/eventually.ts";
import { type Answer, closeRegistry, failAnswer, incompleteEndings, startAnswer } from "./answer.ts";
import { control, runAnswer } from "./examples/ai-sdk.ts";

// Covers the option `control` of core with the chat of the AI SDK, which reads only `data:` lines.

afterEach(() => vi.restoreAllMocks());

/** A chat as `useChat` has it. */
class Chat extends AbstractChat<UIMessage> {
  /** For each response, whether the chat took it for a complete answer. */
  readonly outcomes: boolean[] = [];

  constructor({ url }: Pick<Answer, "url">) {
    const messages: UIMessage[] = [];
    super({
      transport: new DefaultChatTransport({ api: url }),
      onFinish: ({ isError }) => void this.outcomes.push(!isError),
      state: {
        status: "ready",
        error: undefined,
        messages,
        pushMessage: (message) => void messages.push(message),
        popMessage: () => void messages.pop(),
        replaceMessage: (index, message) => void messages.splice(index, 1, message),
        snapshot: structuredClone,
      },
    });
  }

  async ask(): Promise<void> {
    await this.sendMessage({ text: "Tell me a tale." });
  }

  /** The text of the answer so far. */
  get text(): string {
    const parts = this.messages[1]?.parts ?? [];
    return parts.map((part) => (part.type === "text" ? part.text : "")).join("");
  }
}

/** Nothing but the end of the response says that this is not everything. */
const HALF: UIMessageChunk[] = [
  { type: "start", messageId: "tale" },
  { type: "text-start", id: "1" },
  { type: "text-delta", id: "1", delta: "Once upon" },
  { type: "text-end", id: "1" },
];
const REST: UIMessageChunk[] = [
  { type: "text-start", id: "2" },
  { type: "text-delta", id: "2", delta: " a time" },
  { type: "text-end", id: "2" },
  { type: "finish" },
];

async function finish({ writer }: Answer): Promise<void> {
  for (const data of REST) writer.push({ data });
  await writer.end();
}

describe.each<[string, Control]>([
  ["without control events", false],
  ["with the control function of the guide", control],
])("a chat %s", (_name, control) => {
  const message = control === false ? "terminated" : "The answer is incomplete.";

  test.each(incompleteEndings)("reports an answer that is $name", async ({ end }) => {
    const answer = await startAnswer(control, HALF);
    const chat = new Chat(answer);
    const response = chat.ask();
    await eventually(() => expect(chat.text).toBe("Once upon"));
    await end(answer);
    await response;
    expect(chat).toMatchObject({ status: "error", error: { message }, outcomes: [false] });
  });

  test("reports an answer that has failed before it connects", async () => {
    const answer = await startAnswer(control, HALF);
    await failAnswer(answer);
    const chat = new Chat(answer);
    await chat.ask();
    expect(chat).toMatchObject({ status: "error", error: { message }, outcomes: [false] });
  });

  test("reports that it connects during a deploy", async () => {
    const answer = await startAnswer(control, HALF);
    await closeRegistry(answer);
    const chat = new Chat(answer);
    await chat.ask();
    expect(chat).toMatchObject({ status: "error", error: { message }, outcomes: [false] });
  });

  test("is ready when an answer is done", async () => {
    const answer = await startAnswer(control, HALF);
    const chat = new Chat(answer);
    const response = chat.ask();
    await eventually(() => expect(chat.text).toBe("Once upon"));
    await finish(answer);
    await response;
    expect(chat).toMatchObject({ status: "ready", error: undefined, outcomes: [true] });
    expect(chat.text).toBe("Once upon a time");
  });

  test("resumes an answer that was drained", async () => {
    const answer = await startAnswer(control, HALF);
    const chat = new Chat(answer);
    const response = chat.ask();
    await eventually(() => expect(chat.text).toBe("Once upon"));
    answer.drain();
    await response;
    await finish(answer);
    await chat.resumeStream();
    expect(chat).toMatchObject({ status: "ready", error: undefined, outcomes: [false, true] });
    expect(chat.text).toBe("Once upon a time");
    expect(chat.messages).toHaveLength(2);
  });
});

test("a chat with the control function reports an answer whose beginning is no longer held", async () => {
  const answer = await startAnswer(control, [...HALF, ...REST], { buffer: { events: REST.length } });
  await answer.writer.end();
  const chat = new Chat(answer);
  await chat.ask();
  const error = { message: "The answer is incomplete." };
  expect(chat).toMatchObject({ status: "error", error, outcomes: [false] });
});

describe("an answer of `streamText`", () => {
  type Parts = Awaited<ReturnType<MockLanguageModelV4["doStream"]>>["stream"];
  type Part = Parts extends ReadableStream<infer P> ? P : never;

  const HALF: Part[] = [
    { type: "text-start", id: "1" },
    { type: "text-delta", id: "1", delta: "Once upon" },
  ];
  const REST: Part[] = [
    { type: "text-delta", id: "1", delta: " a time" },
    { type: "text-end", id: "1" },
    {
      type: "finish",
      finishReason: { unified: "stop", raw: undefined },
      usage: {
        inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
        outputTokens: { total: 4, text: 4, reasoning: 0 },
      },
    },
  ];

  interface Running {
    readonly answer: Answer;
    readonly chat: Chat;
    /** The output of the model, of which there is the first half. */
    readonly model: ReadableStreamDefaultController<Part>;
    /** Aborts when the model is stopped. */
    readonly signal: AbortSignal | undefined;
    readonly response: Promise<void>;
  }

  async function run(): Promise<Running> {
    const answer = await startAnswer(control, []);
    let controller: ReadableStreamDefaultController<Part> | undefined;
    const stream = new ReadableStream<Part>({ start: (created) => void (controller = created) });
    const model = controller as unknown as ReadableStreamDefaultController<Part>;
    for (const part of HALF) model.enqueue(part);
    const mock = new MockLanguageModelV4({ doStream: { stream } });
    const chat = new Chat(answer);
    const response = chat.ask();
    void runAnswer(answer.writer as unknown as Parameters<typeof runAnswer>[0], mock, chat.messages);
    await eventually(() => expect(chat.text).toBe("Once upon"));
    return { answer, chat, model, signal: mock.doStreamCalls[0]?.abortSignal, response };
  }

  test("is complete when the model has finished", async () => {
    const { answer, chat, model, response } = await run();
    for (const part of REST) model.enqueue(part);
    model.close();
    await response;
    expect(chat).toMatchObject({ status: "ready", error: undefined, outcomes: [true] });
    expect(chat.text).toBe("Once upon a time");
    expect(chat.messages[1]?.id).toBe(answer.writer.epoch);
  });

  test("is an error when the model fails, and its stream has failed", async () => {
    vi.spyOn(console, "error").mockReturnValue(); // `streamText` logs the error
    const { answer, chat, model, response } = await run();
    model.error(new Error("overloaded"));
    await response;
    expect(chat).toMatchObject({ status: "error", outcomes: [false] });
    expect(answer.registry.get(answer.writer.id)?.status).toBe("failed");
    expect(answer.recorded.failed.splice(0)).toHaveLength(1);
  });

  test("is an error when a deploy cuts it, and the model is stopped", async () => {
    const { answer, chat, signal, response } = await run();
    await closeRegistry(answer);
    await response;
    expect(chat).toMatchObject({ status: "error", outcomes: [false] });
    expect(signal?.aborted).toBe(true);
  });
});

test("docs/guide.md contains examples/ai-sdk.ts unchanged", async () => {
  const [docs, example] = await Promise.all([
    readFile(new URL("../../../../docs/guide.md", import.meta.url), "utf8"),
    readFile(new URL("examples/ai-sdk.ts", import.meta.url), "utf8"),
  ]);
  expect(docs).toContain(`\`\`\`ts\n${example}\`\`\``);
});
