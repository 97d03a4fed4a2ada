import { describe, expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { createRegistry } from "@holdfast/core";
import { connect, type Decoders, json, type Message, text, type TextMessage } from "../src/index.ts";
import { createFakeServer } from "./support/fake-server.ts";
import { event, optionsOf, collect, URL_OF_JOB } from "./support/follow.ts";

interface Progress {
  readonly done: number;
  readonly total: number;
}
const Result = z.object({ words: z.number(), at: z.coerce.date() });
const events = { token: text, progress: json<Progress>(), done: Result };

test("each event is decoded by its decoder; an event without one keeps its text", async () => {
  const server = createFakeServer();
  const { messages } = collect(connect(URL_OF_JOB, optionsOf(server, { events })));
  await server.clock.flush();
  server.last.open(
    event("Once", "1", "token") +
      event(`{"done":1,"total":4}`, "2", "progress") +
      event(`{"words":1,"at":"2026-01-01"}`, "3", "done") +
      event("7", "4", "other") +
      event("8", "5"),
  );
  await server.clock.flush();
  expect(messages).toEqual([
    { id: "1", event: "token", data: "Once" },
    { id: "2", event: "progress", data: { done: 1, total: 4 } },
    { id: "3", event: "done", data: { words: 1, at: new Date("2026-01-01") } },
    { id: "4", event: "other", data: "7" },
    { id: "5", event: "message", data: "8" },
  ]);
});

test("a name of `Object.prototype` has no decoder", async () => {
  const server = createFakeServer();
  const { messages } = collect(connect(URL_OF_JOB, optionsOf(server, { events })));
  await server.clock.flush();
  server.last.open(event("a", "1", "constructor") + event("b", "2", "__proto__"));
  await server.clock.flush();
  expect(messages.map(({ data }) => data)).toEqual(["a", "b"]);
});

test("a decoder may be asynchronous; the order stays", async () => {
  const server = createFakeServer();
  const waiting: (() => void)[] = [];
  const slow = (data: string): Promise<string> => new Promise((resolve) => waiting.push(() => resolve(data)));
  const { messages } = collect(connect(URL_OF_JOB, optionsOf(server, { events: { slow, fast: text } })));
  await server.clock.flush();
  server.last.open(event("1", "1", "slow") + event("2", "2", "fast"));
  await server.clock.flush();
  expect(messages).toEqual([]);
  waiting[0]?.();
  await server.clock.flush();
  expect(messages.map(({ data }) => data)).toEqual(["1", "2"]);
});

describe("data that its decoder rejects", () => {
  const bad = event("1", "1", "token") + event(`{"words":"many"}`, "2", "done") + event("3", "3", "token");

  test("is a failure, with the cause", async () => {
    const server = createFakeServer();
    const followed = collect(connect(URL_OF_JOB, optionsOf(server, { events })));
    await server.clock.flush();
    const exchange = server.last.open(bad);
    await server.clock.flush();
    expect(followed.messages).toHaveLength(1);
    expect(followed.ended).toMatchObject({
      reason: "invalid",
      message: `Invalid data of "done".`,
      cause: expect.objectContaining({ message: expect.stringContaining("expected number") }),
    });
    expect(exchange.isOver).toBe(true);
    expect(followed.connection.lastEventId).toBe("1");
  });

  test("is requested again by reconnect(), with the events after it", async () => {
    const server = createFakeServer();
    const followed = collect(connect(URL_OF_JOB, optionsOf(server, { events })));
    await server.clock.flush();
    server.last.open(bad);
    await server.clock.flush();
    followed.connection.reconnect();
    await server.clock.flush();
    expect(server.last.header("last-event-id")).toBe("1");
  });

  test('is left out with `onInvalid: "skip"`', async () => {
    const server = createFakeServer();
    const { messages, connection } = collect(
      connect(URL_OF_JOB, optionsOf(server, { events, onInvalid: "skip" })),
    );
    await server.clock.flush();
    server.last.open(bad + event("no JSON", "4", "progress"));
    await server.clock.flush();
    expect(messages.map(({ data }) => data)).toEqual(["1", "3"]);
    expect(connection.lastEventId).toBe("4");
  });
});

test("the types of the messages come from the decoders", () => {
  const server = createFakeServer();
  const typed = connect(URL_OF_JOB, optionsOf(server, { events }));
  type Received = typeof typed extends AsyncIterable<infer M> ? M : never;
  expectTypeOf<Received>().toEqualTypeOf<
    Message<{ token: string; progress: Progress; done: { words: number; at: Date } }>
  >();
  const untyped = connect(URL_OF_JOB, optionsOf(server, {}));
  expectTypeOf<typeof untyped extends AsyncIterable<infer M> ? M : never>().toEqualTypeOf<TextMessage>();

  const read = (message: Received): void => {
    if (message.event === "progress") expectTypeOf(message.data).toEqualTypeOf<Progress>();
    else if (message.event === "token") expectTypeOf(message.data).toEqualTypeOf<string>();
  };
  expect(read).toBeTypeOf("function");
  typed.close();
  untyped.close();
});

test("the types of the messages fit those of the server", () => {
  interface Events {
    token: string;
    progress: Progress;
  }
  const registry = createRegistry<Events>();
  type Pushed = Parameters<Awaited<ReturnType<typeof registry.open>>["push"]>[0];
  const decoders: Decoders<Events> = { token: text, progress: json() };
  type Received<Name> = Omit<Extract<Message<Events>, { readonly event: Name }>, "id">;
  expectTypeOf<Received<"token">>().toExtend<Pushed>();
  expectTypeOf<Received<"progress">>().toExtend<Pushed>();
  // @ts-expect-error -- a decoder is missing
  const incomplete: Decoders<Events> = { token: text };
  // @ts-expect-error -- it makes something else
  const different: Decoders<Events> = { token: json<number>(), progress: json() };
  expect([decoders, incomplete, different]).toHaveLength(3);
});

test("one contract gives the types of both sides", () => {
  const registry = createRegistry({ events });
  type Job = Awaited<ReturnType<typeof registry.open>>;
  const use = async (job: Job): Promise<void> => {
    job.push({ event: "done", data: { words: 1, at: "2026-01-01" } });
    // @ts-expect-error -- words are a number
    job.push({ event: "done", data: { words: "1", at: "2026-01-01" } });
    for await (const message of connect(URL_OF_JOB, { events })) {
      if (message.event === "done") expectTypeOf(message.data).toEqualTypeOf<{ words: number; at: Date }>();
    }
  };
  expect(use).toBeTypeOf("function");
});
