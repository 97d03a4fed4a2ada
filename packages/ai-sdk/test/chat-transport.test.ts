// Covers src/transport, with the chat of the SDK, a server as in the guide, and a network that can be cut.

import { describe, expect, test } from "vitest";
import { finish, type ModelPart, tell } from "./support/model.ts";
import { ORIGIN, type Run, type RunOptions, startRun } from "./support/run.ts";
import { TestChat } from "./support/test-chat.ts";

const TALE = "Once upon a time";
/** `start`, `start-step` and `text-start` come with the first part. */
const WORDS = 4;

/** A page that has asked, and has the first words of the answer. */
async function askFor(words: number, options: Partial<RunOptions> = {}) {
  const run = startRun({ steps: [tell(TALE)], ...options });
  const { chat, transport } = run.openPage();
  const response = chat.ask();
  await run.step(1 + words);
  return { ...run, chat, transport, response };
}

const finishAll = async ({ step, settle }: Run, response: Promise<void>): Promise<void> => {
  // Its text has a beginning and an end, then come the end of the step and that of the stream.
  await step(WORDS + 4);
  await settle(response);
};

test("a question is answered", async () => {
  const run = await askFor(2);
  expect(run.chat.text).toBe("Once upon ");
  expect(run.chat.status).toBe("streaming");
  await finishAll(run, run.response);
  expect(run.chat).toMatchObject({
    status: "ready",
    text: TALE,
    outcomes: [{ isError: false, isAbort: false }],
  });
  expect(run.chat.answer?.id).toBe("chat-1");
  expect(run.model.doStreamCalls).toHaveLength(1);
  expect(run.network.requests).toEqual(["POST /api/chat"]);
});

test.each([undefined, 0, 0.5, 1])(
  "a cut connection goes on behind the last chunk (part %s)",
  async (part) => {
    const run = await askFor(2);
    run.network.cut(part);
    await run.step();
    await finishAll(run, run.response);
    expect(run.chat).toMatchObject({ status: "ready", text: TALE, outcomes: [{ isError: false }] });
    expect(run.chat.messages).toHaveLength(2);
    expect(run.model.doStreamCalls).toHaveLength(1);
    expect(run.network.requests).toEqual(["POST /api/chat", "GET /api/chat/chat/stream"]);
  },
);

test("a question whose response is lost finds its answer, and is not asked twice", async () => {
  const run = startRun({ steps: [tell(TALE)] });
  const { chat } = run.openPage();
  run.network.loseNext();
  const response = chat.ask();
  await run.clock.advance(10_000);
  expect(run.network.requests).toEqual(["POST /api/chat", "GET /api/chat/chat/stream"]);
  await finishAll(run, response);
  expect(chat).toMatchObject({ status: "ready", text: TALE });
  expect(run.model.doStreamCalls).toHaveLength(1);
});

test("a question that never arrives is an error", async () => {
  const run = startRun({ steps: [] });
  run.network.dropNext();
  const { chat } = run.openPage();
  await run.settle(chat.ask());
  expect(chat).toMatchObject({ status: "error", outcomes: [{ isError: true, isDisconnect: false }] });
});

describe("a page that resumes", () => {
  test("after a reload gets the whole answer", async () => {
    const run = await askFor(2);
    const { chat } = run.openPage(run.chat.messages.slice(0, 1));
    const resumed = chat.resumeStream();
    await run.step();
    expect(chat.text).toBe("Once upon a ");
    await finishAll(
      run,
      Promise.all([run.response, resumed]).then(() => undefined),
    );
    expect(chat.answer).toEqual(run.chat.answer);
    expect(chat).toMatchObject({ status: "ready", text: TALE });
    expect(run.model.doStreamCalls).toHaveLength(1);
  });

  test("with half of the answer has it once", async () => {
    const run = await askFor(2);
    const { chat } = run.openPage(run.chat.messages);
    const resumed = chat.resumeStream();
    await finishAll(
      run,
      Promise.all([run.response, resumed]).then(() => undefined),
    );
    expect(chat.messages).toHaveLength(2);
    expect(chat.answer).toEqual(run.chat.answer);
  });

  test("where nothing runs is ready", async () => {
    const run = startRun({ steps: [] });
    const { chat } = run.openPage();
    await run.settle(chat.resumeStream());
    expect(chat).toMatchObject({ status: "ready", messages: [], outcomes: [] });
    expect(run.network.requests).toEqual(["GET /api/chat/chat/stream"]);
  });

  test("after it has left in the middle gets the whole, also when that is over", async () => {
    const run = await askFor(2);
    await run.settle(run.chat.stop());
    await run.step(WORDS + 4);
    expect(run.server.registry.get("chat")?.status).toBe("done");
    await run.settle(run.chat.resumeStream());
    expect(run.chat).toMatchObject({ status: "ready", text: TALE });
    expect(run.chat.messages).toHaveLength(2);
  });

  test("a second time leaves the first resumption", async () => {
    const run = await askFor(1);
    const { chat } = run.openPage();
    const first = chat.resumeStream();
    await run.clock.advance(1);
    const second = chat.resumeStream();
    await finishAll(
      run,
      Promise.all([run.response, first, second]).then(() => undefined),
    );
    expect(chat).toMatchObject({ status: "ready", text: TALE });
    expect(chat.messages).toHaveLength(1);
  });
});

describe("a stop", () => {
  test("of the chat only leaves: the model goes on, and another page has the whole answer", async () => {
    const run = await askFor(2);
    const { chat } = run.openPage();
    const resumed = chat.resumeStream();
    await run.settle(run.chat.stop());
    expect(run.chat).toMatchObject({ status: "ready", outcomes: [{ isAbort: true }] });
    await run.clock.advance(10);
    expect(run.server.registry.connections()).toHaveLength(1);
    await finishAll(run, resumed);
    expect(chat.text).toBe(TALE);
    expect(run.model.doStreamCalls[0]?.abortSignal?.aborted).toBe(false);
  });

  test("of the transport stops the model, and every page", async () => {
    const run = await askFor(2);
    const { chat } = run.openPage();
    const resumed = chat.resumeStream();
    await run.clock.advance(10);
    await run.settle(run.transport.stop("chat"));
    await run.settle(Promise.all([run.response, resumed]));
    expect(run.model.doStreamCalls[0]?.abortSignal?.aborted).toBe(true);
    for (const stopped of [run.chat, chat]) {
      expect(stopped).toMatchObject({ status: "ready", text: "Once upon ", outcomes: [{ isAbort: true }] });
    }
    expect(run.server.registry.get("chat")?.status).toBe("cancelled");
  });

  test("that the server refuses is an error", async () => {
    const run = startRun({ steps: [], transport: { stopUrl: () => `${ORIGIN}/nowhere` } });
    await expect(run.settle(run.openPage().transport.stop("chat"))).rejects.toThrow("404");
  });

  test("by leaving the page leaves nothing open", async () => {
    const run = await askFor(2);
    await run.settle(run.chat.dispose());
    await run.clock.advance(10);
    expect(run.server.registry.connections()).toHaveLength(0);
  });
});

describe("an answer that does not become whole is an error", () => {
  const isError = { isError: true, isAbort: false, isDisconnect: false };

  test("with the text of `onError` when the model fails", async () => {
    const failing: (ModelPart | Error)[] = [...tell(TALE).slice(0, 3), new Error("secret")];
    const run = await askFor(2, { steps: [failing] });
    await finishAll(run, run.response);
    expect(run.chat).toMatchObject({ status: "error", text: "Once upon ", outcomes: [isError] });
    expect(run.chat.error?.message).toBe("The model has failed.");
  });

  test("when the model's stream ends without its `finish`", async () => {
    const run = await askFor(2, { steps: [tell(TALE).slice(0, 3)] });
    await finishAll(run, run.response);
    expect(run.chat).toMatchObject({ status: "error", outcomes: [isError] });
  });

  test("when the server that writes it shuts down", async () => {
    const run = await askFor(2);
    const { handle } = startRun({ steps: [], clock: run.clock }).server;
    const closed = run.server.registry.close({ spread: 0, deadline: 0 });
    run.network.redirect(handle);
    await run.settle(closed);
    await run.settle(run.response);
    expect(run.chat.status).toBe("error");
    expect(run.chat.outcomes).toMatchObject([{ isError: true, isAbort: false }]);
  });

  test("when nobody knows it any more", async () => {
    const run = await askFor(2);
    const other = startRun({ steps: [], clock: run.clock });
    run.network.redirect(other.server.handle);
    run.network.cut();
    await run.settle(run.response);
    expect(run.chat).toMatchObject({ status: "error", outcomes: [isError] });
  });

  test("when the server answers 204: that is not its end", async () => {
    const run = await askFor(2);
    run.network.redirect(() => new Response(null, { status: 204 }));
    run.network.cut();
    await run.settle(run.response);
    expect(run.chat).toMatchObject({ status: "error", outcomes: [isError] });
  });

  test("when what is held of it, after it starts over, is not its beginning", async () => {
    const run = await askFor(2);
    await run.settle(run.chat.stop());
    await run.step(WORDS + 4);
    const other = startRun({ steps: [], clock: run.clock, server: { buffer: { events: 2 } } });
    const job = await other.server.registry.open("chat");
    for (const delta of ["a", "b", "c"]) job.push({ data: { type: "text-delta", id: "1", delta } });
    run.network.redirect(other.server.handle);
    await run.settle(run.chat.resumeStream());
    expect(run.chat.status).toBe("error");
    expect(run.chat.error?.message).toBe("The beginning of the answer is not there any more.");
  });

  test("when its beginning is not held any more", async () => {
    const run = await askFor(2, { server: { buffer: { events: 2 } } });
    const { chat } = run.openPage();
    await run.settle(chat.resumeStream());
    expect(chat).toMatchObject({ status: "error", outcomes: [isError] });
  });
});

test("an answer that starts over is a disconnect, and the chat that resumes has only the new one", async () => {
  const run = await askFor(2);
  const job = await run.server.registry.open("chat", { ifExists: "replace" });
  await run.settle(run.response);
  expect(run.chat).toMatchObject({ status: "error", outcomes: [{ isError: true, isDisconnect: true }] });
  const resumed = run.chat.resumeStream();
  await run.clock.advance(10);
  const chunks = [
    { type: "start", messageId: "chat-1" },
    { type: "text-start", id: "1" },
    { type: "text-delta", id: "1", delta: "Again" },
    { type: "text-end", id: "1" },
    { type: "finish" },
  ] as const;
  for (const data of chunks) job.push({ data });
  await job.end();
  await run.settle(resumed);
  expect(run.chat).toMatchObject({ status: "ready", text: "Again" });
  expect(run.chat.messages).toHaveLength(2);
});

test("a second question while an answer is written is refused with 409, and the model is asked once", async () => {
  const run = await askFor(1);
  const { chat } = run.openPage();
  await run.settle(chat.ask("And?"));
  expect(chat).toMatchObject({ status: "error", outcomes: [{ isError: true, isDisconnect: false }] });
  expect(chat.error?.cause).toMatchObject({ status: 409 });
  await finishAll(run, run.response);
  expect(run.chat.text).toBe(TALE);
  expect(run.model.doStreamCalls).toHaveLength(1);
});

test("a question that the server cannot take is an error at once", async () => {
  const run = startRun({ steps: [], transport: { fetch: async () => new Response(null, { status: 503 }) } });
  const { chat } = run.openPage();
  await run.settle(chat.ask());
  expect(chat.status).toBe("error");
  expect(chat.error?.cause).toMatchObject({ status: 503 });
});

test("a cut inside a tool call does not show", async () => {
  const steps: ModelPart[][] = [
    [
      { type: "tool-input-start", id: "w", toolName: "weather" },
      { type: "tool-input-delta", id: "w", delta: `{"city":` },
      { type: "tool-input-delta", id: "w", delta: `"Oslo"}` },
      { type: "tool-input-end", id: "w" },
      { type: "tool-call", toolCallId: "w", toolName: "weather", input: `{"city":"Oslo"}` },
      finish("tool-calls"),
    ],
    tell(TALE),
  ];
  const run = startRun({ steps });
  const { chat } = run.openPage();
  const response = chat.ask();
  await run.step(2);
  run.network.cut(0.5);
  await run.step(1);
  await run.clock.advance(5_000);
  run.network.cut();
  await run.step(20);
  await run.settle(response);
  expect(chat.status).toBe("ready");
  expect(chat.answer?.parts).toMatchObject([
    { type: "step-start" },
    {
      type: "tool-weather",
      state: "output-available",
      output: { city: "Oslo", state: "sunny", degrees: 21 },
    },
    { type: "step-start" },
    { type: "text", text: TALE },
  ]);
});

test("requests have the options of the transport and of the call", async () => {
  const seen: Request[] = [];
  const run = startRun({
    steps: [tell(TALE)],
    transport: {
      api: `${ORIGIN}/ai/?v=1`,
      headers: async () => ({ authorization: "Bearer 1" }),
      body: () => ({ model: "small" }),
      fetch: async (input, init) => {
        seen.push(new Request(input, init));
        return new Response(null, { status: 404 });
      },
    },
  });
  const { chat, transport } = run.openPage();
  await run.settle(chat.sendMessage({ text: "a" }, { headers: { "x-trace": "7" }, body: { size: 3 } }));
  await run.settle(chat.resumeStream({ headers: { "x-trace": "8" } }));
  await run.settle(transport.stop("a/b").catch(() => undefined));
  expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
    "POST http://server/ai/?v=1",
    "GET http://server/ai/chat/stream?v=1",
    "POST http://server/ai/a%2Fb/stop?v=1",
  ]);
  for (const { headers } of seen) expect(headers.get("authorization")).toBe("Bearer 1");
  expect(seen.map(({ headers }) => headers.get("x-trace"))).toEqual(["7", "8", null]);
  expect(seen[0]?.headers.get("content-type")).toBe("application/json");
  expect(await seen[0]?.json()).toMatchObject({
    id: "chat",
    model: "small",
    size: 3,
    trigger: "submit-message",
    messages: [{ role: "user" }],
  });
});

test("`prepareSendMessagesRequest` makes the request", async () => {
  const seen: Request[] = [];
  const run = startRun({
    steps: [],
    transport: {
      prepareSendMessagesRequest: ({ id, messages }) => ({
        api: `${ORIGIN}/other`,
        body: { id, last: messages.at(-1)?.role },
        headers: { "x-own": "1" },
      }),
      fetch: async (input, init) => {
        seen.push(new Request(input, init));
        return new Response(null, { status: 404 });
      },
    },
  });
  await run.settle(run.openPage().chat.ask());
  expect(seen[0]?.url).toBe("http://server/other");
  expect(seen[0]?.headers.get("x-own")).toBe("1");
  expect(await seen[0]?.json()).toEqual({ id: "chat", last: "user" });
});

test("`close` leaves all answers", async () => {
  const run = await askFor(2);
  run.transport.close();
  await run.settle(run.response);
  expect(run.chat.outcomes).toMatchObject([{ isAbort: true }]);
});

test("an answer in a store of somebody else's events is read past them", async () => {
  const run = startRun({ steps: [] });
  const job = await run.server.registry.open("chat");
  const chat = new TestChat(run.openPage().transport, "chat");
  const resumed = chat.resumeStream();
  await run.clock.advance(10);
  (job as { push: (event: object) => void }).push({ event: "title", data: "A tale" });
  job.push({ data: { type: "text-start", id: "1" } });
  job.push({ data: { type: "text-delta", id: "1", delta: "Hello" } });
  await job.end({ data: { type: "finish" } });
  await run.settle(resumed);
  expect(chat).toMatchObject({ status: "ready", text: "Hello" });
});

test("a part that could not be read again is still a part", async () => {
  const run = await askFor(2);
  await run.settle(run.chat.stop());
  await run.step(WORDS + 4);
  // A response that breaks off at once, and then a refusal.
  let responses = 0;
  const server = run.network.redirect(() => {
    if (responses++ > 0) return new Response(null, { status: 403 });
    const body = new ReadableStream({ start: (controller) => controller.error(new TypeError("terminated")) });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  });
  await run.settle(run.chat.resumeStream());
  expect(run.chat.status).toBe("error");
  run.network.redirect(() => new Response(null, { status: 204 }));
  await run.settle(run.chat.resumeStream());
  expect(run.chat.status).toBe("error");
  run.network.redirect(server);
  await run.settle(run.chat.resumeStream());
  expect(run.chat).toMatchObject({ status: "ready", text: TALE });
});

test("a question that the server refuses is no disconnect: there is nothing to resume", async () => {
  const run = startRun({ steps: [] });
  run.network.redirect(() => new Response("busy", { status: 503 }));
  const { chat } = run.openPage();
  await run.settle(chat.ask());
  expect(chat).toMatchObject({ status: "error", outcomes: [{ isError: true, isDisconnect: false }] });
});

test("a stop that fails stops nothing: a shutdown behind it is an error", async () => {
  const run = await askFor(2);
  run.network.dropNext();
  await expect(run.settle(run.transport.stop("chat"))).rejects.toThrow("fetch failed");
  void run.server.registry.cancel("chat");
  await run.settle(run.response);
  expect(run.chat).toMatchObject({ status: "error", outcomes: [{ isError: true, isAbort: false }] });
});
