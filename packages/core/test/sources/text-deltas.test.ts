import { expect, expectTypeOf, test } from "vitest";
import { HoldfastError } from "../../src/base/errors.ts";
import { anthropic, openai } from "../../src/sources/profiles.ts";
import { textDeltas } from "../../src/sources/text-deltas.ts";
import type { StreamWriter } from "../../src/stream/writer.ts";

// With real APIs and their SDKs: packages/conformance/test/upstreams.

async function* chunksOf(...chunks: unknown[]): AsyncGenerator<unknown> {
  yield* chunks;
}

const delta = (content: string, reason?: string): object => ({
  choices: [{ index: 0, delta: { content }, finish_reason: reason ?? null }],
});

async function read(source: AsyncIterable<{ data: string }>): Promise<{ text: string; error: unknown }> {
  let text = "";
  try {
    for await (const { data } of source) text += data;
    return { text, error: undefined };
  } catch (error) {
    return { text, error };
  }
}

test("the text of an SDK's iterator, as events of one name", async () => {
  const events = [];
  for await (const event of textDeltas(chunksOf(delta("a"), delta(""), delta("b", "stop")), openai, {
    event: "token",
  })) {
    events.push(event);
  }
  expect(events).toEqual([
    { event: "token", data: "a" },
    { event: "token", data: "b" },
  ]);
});

test("an iterator that ends early is a retryable failure", async () => {
  const { text, error } = await read(textDeltas(chunksOf(delta("a")), openai));
  expect(text).toBe("a");
  expect(error).toMatchObject({ code: "SOURCE_FAILED", retryable: true });
  expect((await read(textDeltas(chunksOf({ type: "message_stop" }), anthropic))).error).toBeUndefined();
});

test("an error keeps its meaning: a status, a lost connection, an abort, an error of holdfast", async () => {
  const failing = (error: unknown) => read(textDeltas(Promise.reject(error as Error), openai));
  const refused = Object.assign(new Error("secret"), { status: 401 });
  expect((await failing(refused)).error).toMatchObject({ retryable: false, cause: refused });
  const busy = Object.assign(new Error("secret"), {
    status: 503,
    headers: new Headers({ "retry-after": "2" }),
  });
  expect((await failing(busy)).error).toMatchObject({ retryable: true, retryAfter: 2_000, cause: busy });
  const lost = new Error("Connection error.");
  expect((await failing(lost)).error).toMatchObject({ retryable: true, cause: lost });
  const aborted = new DOMException("a", "AbortError");
  expect((await failing(aborted)).error).toBe(aborted);
  const own = new HoldfastError("GONE", "a");
  expect((await failing(own)).error).toBe(own);
});

test("a response is read as `readEvents` does", async () => {
  const response = new Response("data: {}\n\n", { status: 500 });
  expect((await read(textDeltas(response, openai))).error).toMatchObject({ retryable: true });
  expect((await read(textDeltas(7 as never, openai))).error).toMatchObject({ code: "INVALID_OPTION" });
});

test("the events have the type of their name", () => {
  const use = (job: StreamWriter<{ token: string }>): void => {
    void job.pipe(textDeltas(new Response(), openai, { event: "token" }));
    // @ts-expect-error -- there is no such event
    void job.pipe(textDeltas(new Response(), openai, { event: "tokens" }));
  };
  expectTypeOf(use).returns.toBeVoid();
});
