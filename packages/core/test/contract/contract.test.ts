// Covers src/contract/{contract,decoded-messages,pushable}.ts.

import { describe, expect, expectTypeOf, test, vi } from "vitest";
import { z } from "zod";
import { type DecoderMap, json, type Pushed, type Schema, text } from "../../src/contract/decoder.ts";
import { readContract } from "../../src/contract/contract.ts";
import type { AnyEvents, StreamEvent } from "../../src/protocol/event.ts";
import { createRegistry } from "../../src/registry/registry.ts";
import type { Channel, Registry } from "../../src/registry/types.ts";
import { readEvents } from "../../src/sources/read-events.ts";
import type { StreamWriter } from "../../src/stream/writer.ts";

interface Progress {
  readonly done: number;
}
const Total = z.object({ total: z.string().transform(Number) });
const events = { token: text, progress: json<Progress>(), done: Total };

const code = (expected: string): unknown => expect.objectContaining({ code: expected });

/** What of a contract exists at run time; the types are not asked. */
const untyped = (map: DecoderMap): Registry => createRegistry({ events: map });

async function collect<T>(messages: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const message of messages) all.push(message);
  return all;
}

describe("a push", () => {
  test("that a schema rejects throws before it reaches the log", async () => {
    const registry = untyped(events);
    const job = await registry.open("1");
    expect(() => job.push({ event: "done", data: { total: 7 } })).toThrow(
      /Invalid `data` of "done": .*string/,
    );
    expect(() => job.push({ event: "done" })).toThrow(code("INVALID_EVENT"));
    expect(() => registry.channel("c").push({ event: "done", data: 7 })).toThrow(code("INVALID_EVENT"));
    expect(job.last).toBe(0);
    expect(registry.get("c")?.last).toBe(0);
  });

  test("that a schema accepts goes out as it was given", async () => {
    const registry = createRegistry({ events });
    const job = await registry.open("1");
    job.push({ event: "done", data: { total: "7" } });
    await job.end();
    expect(await collect(registry.subscribe("1"))).toMatchObject([{ data: `{"total":"7"}` }]);
  });

  test("of a name without a schema is not checked", async () => {
    const job = await untyped(events).open("1");
    job.push({ event: "token", data: 7 });
    job.push({ event: "constructor", data: 7 });
    expect(job.last).toBe(2);
  });

  test("without a name is a `message`", async () => {
    const job = await untyped({ message: z.number() }).open("1");
    job.push({ data: 7 });
    expect(() => job.push({ data: "7" })).toThrow(code("INVALID_EVENT"));
  });

  test("that is no event is refused as always", async () => {
    const job = await untyped(events).open("1");
    for (const value of [undefined, null, 7]) {
      expect(() => job.push(value as never)).toThrow(/An event must be an object/);
    }
  });

  test("for an asynchronous schema is INVALID_OPTION, and its rejection is nobody's", async () => {
    const validate = async (): Promise<never> => Promise.reject(new Error("no"));
    const slow: Schema<string> = { "~standard": { version: 1, vendor: "test", validate } };
    const job = await untyped({ slow }).open("1");
    expect(() => job.push({ event: "slow", data: "a" })).toThrow(code("INVALID_OPTION"));
    expect(job.last).toBe(0);
  });

  test("in a pipe fails the stream", async () => {
    const failed = vi.fn<(info: object) => void>();
    const registry = createRegistry({ events: events as DecoderMap, observer: { failed } });
    const job = await registry.open("1");
    const status = await job.pipe(async function* () {
      yield { event: "done", data: 7 };
    });
    expect([status, job.last]).toEqual(["failed", 0]);
    expect(registry.get("1")?.status).toBe("failed");
  });

  test("costs nothing without a schema: there is nothing to call", () => {
    expect(readContract(undefined)).toBeUndefined();
    expect(readContract({ token: text, progress: json() })).toBeUndefined();
  });
});

test("what is no decoder is refused", () => {
  expect(() => untyped({ token: "text" as never })).toThrow(
    /`events.token` must be a function or a Standard Schema/,
  );
  expect(() => untyped("text" as never)).toThrow(code("INVALID_OPTION"));
  expect(() => createRegistry().subscribe("1", { events: { token: 7 as never } })).toThrow(
    code("INVALID_OPTION"),
  );
});

describe("a subscription", () => {
  test("decodes; other events keep their text", async () => {
    const registry = untyped({});
    const job = await registry.open("1");
    job.push({ event: "token", data: "a" });
    job.push({ event: "progress", data: { done: 1 } });
    job.push({ event: "done", data: { total: "7" } });
    job.push({ event: "other", data: 1 });
    job.push({ event: "constructor", data: 1 });
    await job.end();
    const data = (await collect<{ data: unknown }>(registry.subscribe("1", { events }))).map(
      ({ data }) => data,
    );
    expect(data).toEqual(["a", { done: 1 }, { total: 7 }, "1", "1"]);
  });

  test("ends with INVALID_EVENT at data that a schema rejects, and leaves the stream", async () => {
    const registry = untyped({});
    const job = await registry.open("1");
    job.push({ event: "done", data: 7 });
    await expect(collect(registry.subscribe("1", { events }))).rejects.toEqual(code("INVALID_EVENT"));
    await vi.waitFor(() => expect(job.readers).toBe(0));
  });

  test("that is left leaves the stream", async () => {
    const registry = untyped({});
    const job = await registry.open("1");
    job.push({ event: "token", data: "a" });
    for await (const { data } of registry.subscribe("1", { events })) {
      expect(data).toBe("a");
      break;
    }
    await vi.waitFor(() => expect(job.readers).toBe(0));
  });
});

test("a schema that is a function is a schema", async () => {
  const callable: Schema<string> = Object.assign(() => "called", {
    "~standard": z.string()["~standard"],
  });
  const job = await untyped({ token: callable }).open("1");
  expect(() => job.push({ event: "token", data: 7 })).toThrow(code("INVALID_EVENT"));
});

// These functions are compiled, never called.
describe("types", () => {
  type Events = Pushed<typeof events>;
  type Item = { type: "progress"; done: number } | { type: "token"; text: string };
  type Items = { [Type in Item["type"]]: Extract<Item, { type: Type }> };

  async function* own(): AsyncGenerator<{ event: string; data: string }> {
    yield { event: "token", data: "a" };
  }
  async function* numbers(): AsyncGenerator<{ event: string; data: number }> {
    yield { event: "token", data: 7 };
  }
  async function* union(items: readonly Item[]): AsyncGenerator<{ event: Item["type"]; data: Item }> {
    for (const item of items) yield { event: item.type, data: item };
  }

  test("of a registry come from its contract: what a schema takes, and what a function makes", () => {
    expectTypeOf<Events>().toEqualTypeOf<{ token: string; progress: Progress; done: { total: string } }>();
    expectTypeOf(createRegistry({ events })).toEqualTypeOf<Registry<Events>>();
    expectTypeOf(createRegistry({ events, heartbeat: 1_000 })).toEqualTypeOf<Registry<Events>>();
    expectTypeOf(createRegistry()).toEqualTypeOf<Registry>();
    expectTypeOf(createRegistry<{ token: string }>()).toEqualTypeOf<Registry<{ token: string }>>();
  });

  test("of what is pushed", () => {
    const use = (
      job: StreamWriter<Events>,
      room: Channel<Events>,
      items: StreamWriter<Items>,
      item: Item,
    ): void => {
      job.push({ event: "token", data: "a" });
      job.push({ event: "done", data: { total: "7" } });
      room.push({ event: "progress", data: { done: 1 } });
      items.push({ event: item.type, data: item });
      expectTypeOf(job.push.bind(job)).toExtend<(event: StreamEvent<Events>) => unknown>();
      // @ts-expect-error -- it has a number, after the schema
      job.push({ event: "done", data: { total: 7 } });
      // @ts-expect-error -- a token is a text
      room.push({ event: "token", data: 7 });
      // @ts-expect-error -- there is no such event
      job.push({ event: "tokens", data: "a" });
      // @ts-expect-error -- the data is missing
      job.push({ event: "progress" });
      // @ts-expect-error -- the name is not known to be one of these
      job.push({ event: item.type as string, data: "a" });
      // @ts-expect-error -- a token with the data of a progress
      items.push({ event: "token", data: { type: "progress", done: 1 } });
    };
    expect(use).toBeTypeOf("function");
  });

  test("of what is piped", () => {
    const use = (
      job: StreamWriter<Events>,
      items: StreamWriter<Items>,
      any: StreamWriter<AnyEvents>,
    ): void => {
      void job.pipe(own());
      void job.pipe(own);
      void job.pipe(readEvents(new Response()));
      void job.pipe(async function* () {
        yield* readEvents(await fetch("https://example.com"));
      });
      void job.pipe(async function* () {
        yield { event: "token", data: "a" };
        yield { event: "progress", data: { done: 1 } };
      });
      void items.pipe(union([]));
      void items.pipe(async function* () {
        for (const item of [] as Item[]) yield { event: item.type, data: item };
      });
      void any.pipe(own());
      void any.pipe(union([]));
      void any.pipe(readEvents(new Response()));
      // @ts-expect-error -- no event has a number
      void job.pipe(numbers());
      // @ts-expect-error -- other data
      void job.pipe(union([]));
      // @ts-expect-error -- a token is a text
      void job.pipe(async function* () {
        yield { event: "token", data: { done: 1 } };
      });
      // @ts-expect-error -- there is no such event
      void job.pipe(async function* () {
        yield { event: "tokens", data: "a" };
      });
      // @ts-expect-error -- not a source
      void job.pipe("a");
    };
    expect(use).toBeTypeOf("function");
  });

  test("of what is subscribed to", () => {
    const use = async (registry: Registry<Events>): Promise<void> => {
      for await (const message of registry.subscribe("1", { events, cursor: "" })) {
        if (message.event === "done") expectTypeOf(message.data).toEqualTypeOf<{ total: number }>();
        else if (message.event === "token") expectTypeOf(message.data).toEqualTypeOf<string>();
        else expectTypeOf(message.data).toEqualTypeOf<Progress>();
      }
      for await (const { data } of registry.subscribe("1")) expectTypeOf(data).toEqualTypeOf<string>();
    };
    expect(use).toBeTypeOf("function");
  });
});
