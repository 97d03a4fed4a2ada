// Covers src/server.

import type { ControlEvent } from "@holdfast/core";
import { HoldfastError, type StreamWriter } from "@holdfast/core";
import { createFakeClock } from "@holdfast/core/testing";
import { createRegistry } from "@holdfast/hono";
import {
  createUIMessageStream,
  DefaultChatTransport,
  streamText,
  type UIMessage,
  type UIMessageChunk,
} from "ai";
import { describe, expect, expectTypeOf, test } from "vitest";
import {
  isAnswering,
  isBusy,
  pipeUIMessageStream,
  uiMessageControl,
  type UIMessageEvents,
} from "../src/index.ts";
import { createModel, finish, type ModelPart, tell } from "./support/model.ts";
import { ORIGIN, startRun } from "./support/run.ts";
import { TestChat } from "./support/test-chat.ts";

const QUESTION: UIMessage = { id: "q", role: "user", parts: [{ type: "text", text: "Tell me a tale." }] };

async function openJob() {
  const failed: unknown[] = [];
  const observer = { failed: ({ error }: { error: unknown }) => void failed.push(error) };
  const registry = createRegistry<UIMessageEvents>({ observer });
  const job = await registry.open("chat");
  const chunks = async (): Promise<UIMessageChunk[]> => {
    const all: UIMessageChunk[] = [];
    for await (const { data } of registry.subscribe("chat")) all.push(JSON.parse(data) as UIMessageChunk);
    return all;
  };
  return { registry, job, failed, chunks };
}

const resultOf = (parts: (ModelPart | Error)[], abortSignal?: AbortSignal) =>
  streamText({
    model: createModel([parts]),
    prompt: "a",
    maxRetries: 0,
    onError: () => undefined,
    ...(abortSignal && { abortSignal }),
  });

describe("pipeUIMessageStream", () => {
  test("pushes the chunks of `streamText`, and ends the stream", async () => {
    const { job, chunks } = await openJob();
    expect(
      await pipeUIMessageStream(job, resultOf(tell("Once upon")), { originalMessages: [QUESTION] }),
    ).toBe("done");
    expect((await chunks()).map(({ type }) => type)).toEqual([
      "start",
      "start-step",
      "text-start",
      "text-delta",
      "text-delta",
      "text-end",
      "finish-step",
      "finish",
    ]);
  });

  test("gives the message an id that a run that is repeated gives again", async () => {
    for (const _run of ["first", "second"]) {
      const { job, chunks } = await openJob();
      await pipeUIMessageStream(job, resultOf(tell("a")), { originalMessages: [QUESTION] });
      expect((await chunks())[0]).toEqual({ type: "start", messageId: "chat-1" });
    }
  });

  test("keeps the id of a message that is continued, and one of the application", async () => {
    const continued = await openJob();
    const answer: UIMessage = { id: "answer", role: "assistant", parts: [] };
    await pipeUIMessageStream(continued.job, resultOf(tell("a")), { originalMessages: [QUESTION, answer] });
    expect((await continued.chunks())[0]).toEqual({ type: "start", messageId: "answer" });

    const own = await openJob();
    const options = { originalMessages: [QUESTION], generateMessageId: () => "own" };
    await pipeUIMessageStream(own.job, resultOf(tell("a")), options);
    expect((await own.chunks())[0]).toEqual({ type: "start", messageId: "own" });
  });

  test("without the original messages, all readers get the same id", async () => {
    const { job, chunks } = await openJob();
    await pipeUIMessageStream(job, resultOf(tell("a")));
    expect((await chunks())[0]).toEqual({ type: "start", messageId: job.epoch });
  });

  test("takes a UI message stream", async () => {
    const { job, chunks } = await openJob();
    const stream = createUIMessageStream({
      execute: ({ writer }) => writer.write({ type: "data-note", data: 7 }),
    });
    expect(await pipeUIMessageStream(job, stream)).toBe("done");
    expect(await chunks()).toEqual([{ type: "data-note", data: 7 }]);
  });

  test.each<[string, (ModelPart | Error)[], string]>([
    ["that fails", [new Error("secret")], "An error occurred."],
    [
      "that fails in the middle",
      [...tell("Once upon").slice(0, 2), new Error("secret")],
      "An error occurred.",
    ],
    ["that reports an error", [{ type: "error", error: new Error("secret") }], "An error occurred."],
    [
      "that ends without its `finish`",
      tell("Once upon").slice(0, 2),
      "The answer ended before it was complete.",
    ],
    ["that gives nothing", [], "An error occurred."],
    [
      "that finishes with an error",
      [{ ...finish("stop"), finishReason: { unified: "error", raw: "x" } } as ModelPart],
      "The answer ended before it was complete.",
    ],
  ])("fails the stream of a model %s", async (_name, parts, message) => {
    const { registry, job, chunks } = await openJob();
    expect(await pipeUIMessageStream(job, resultOf(parts))).toBe("failed");
    expect(registry.get("chat")?.status).toBe("failed");
    await expect(chunks()).rejects.toMatchObject({ code: "SOURCE_FAILED", message });
  });

  test("gives clients the text of `onError`, and the observer the error", async () => {
    const { job, chunks, failed } = await openJob();
    const secret = new Error("secret");
    await pipeUIMessageStream(job, resultOf([...tell("a").slice(0, 1), secret]), { onError: () => "Busy." });
    await expect(chunks()).rejects.toMatchObject({ message: "Busy." });
    expect(failed).toEqual([secret]);
  });

  test("fails the stream when something else stops the model", async () => {
    const { job } = await openJob();
    const timeout = new AbortController();
    const parts: ModelPart[] = tell("Once upon a time");
    const result = streamText({
      model: createModel([parts], () => timeout.abort()),
      prompt: "a",
      abortSignal: timeout.signal,
      onError: () => undefined,
    });
    expect(await pipeUIMessageStream(job, result)).toBe("failed");
  });

  test("stops with the stream, without a warning", async () => {
    const { registry, job, failed } = await openJob();
    const result = streamText({
      model: createModel([tell("a")], () => new Promise(() => undefined)),
      prompt: "a",
      abortSignal: job.signal,
      onError: () => undefined,
    });
    const status = pipeUIMessageStream(job, result);
    await registry.cancel("chat");
    expect(await status).toBe("cancelled");
    expect(failed).toEqual([]);
  });

  test("with a `retryWindow`, an answer that fails waits to be written again", async () => {
    const registry = createRegistry<UIMessageEvents>({
      retryWindow: 60_000,
      observer: { failed: () => undefined },
    });
    const job = await registry.open("chat");
    expect(await pipeUIMessageStream(job, resultOf([new Error("busy")]))).toBe("interrupted");
    await registry.close();
  });

  test("takes the writer of a registry of chunks, and of any events", () => {
    type Job = Parameters<typeof pipeUIMessageStream>[0];
    expectTypeOf<StreamWriter<UIMessageEvents>>().toExtend<Job>();
  });
});

describe("uiMessageControl", () => {
  const error = { data: { type: "error", errorText: "The answer is incomplete." } };

  test.each<[ControlEvent, unknown]>([
    [{ event: "stream.end", data: { status: "done" } }, { data: "[DONE]" }],
    [{ event: "stream.end", data: { status: "cancelled" } }, error],
    [{ event: "stream.end", data: { status: "failed" } }, error],
    [{ event: "stream.drain", data: { reason: "shutdown" } }, error],
    [{ event: "stream.reset", data: { reason: "epoch", lost: null } }, error],
    [
      { event: "stream.error", data: { code: "SOURCE_FAILED", message: "Busy.", retryable: false } },
      { data: { type: "error", errorText: "Busy." } },
    ],
    [{ event: "stream.error", data: { code: "INTERRUPTED", message: "…", retryable: true } }, undefined],
    [{ event: "stream.live", data: {} }, undefined],
  ])("%j", (event, expected) => {
    expect(uiMessageControl(event)).toEqual(expected);
  });

  const startDefault = (parts: (ModelPart | Error)[]) => {
    const run = startRun({ steps: [parts], server: { serve: { control: uiMessageControl } } });
    const transport = new DefaultChatTransport({ api: `${ORIGIN}/api/chat`, fetch: run.network.fetch });
    return { ...run, chat: new TestChat(transport) };
  };

  test("serves a chat that keeps the SDK's own transport", async () => {
    const run = startDefault(tell("Once upon"));
    const response = run.chat.ask();
    await run.step(2);
    const second = new TestChat(
      new DefaultChatTransport({ api: `${ORIGIN}/api/chat`, fetch: run.network.fetch }),
    );
    const resumed = second.resumeStream();
    await run.step(8);
    await run.settle(Promise.all([response, resumed]));
    for (const chat of [run.chat, second]) {
      expect(chat).toMatchObject({ status: "ready", text: "Once upon", outcomes: [{ isError: false }] });
    }
    const third = new TestChat(
      new DefaultChatTransport({ api: `${ORIGIN}/api/chat`, fetch: run.network.fetch }),
    );
    await run.settle(third.resumeStream());
    expect(third).toMatchObject({ status: "ready", messages: [], outcomes: [] });
  });

  test("tells it the text of a failure", async () => {
    const run = startDefault([...tell("Once upon").slice(0, 2), new Error("secret")]);
    const response = run.chat.ask();
    await run.step(8);
    await run.settle(response);
    expect(run.chat).toMatchObject({ status: "error", error: { message: "The model has failed." } });
  });
});

test("`isAnswering` and `isBusy` say what to answer", async () => {
  const observer = { failed: () => undefined };
  const registry = createRegistry({ clock: createFakeClock(), retryWindow: 60_000, observer });
  expect(isAnswering(await registry.find("1"))).toBe(false);
  const job = await registry.open("1");
  expect(isAnswering(await registry.find("1"))).toBe(true);
  expect(isBusy(await registry.open("1").catch((error: unknown) => error))).toBe(true);
  await job.fail(new HoldfastError("SOURCE_FAILED", "Busy.", { retryable: true }));
  expect(isAnswering(await registry.find("1"))).toBe(true);
  const next = await registry.open("1");
  await next.end();
  expect(isAnswering(await registry.find("1"))).toBe(false);
  expect(isBusy(new Error("STREAM_EXISTS"))).toBe(false);
});
