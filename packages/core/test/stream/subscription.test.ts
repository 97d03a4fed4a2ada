import { getEventListeners } from "node:events";
import { describe, expect, test } from "vitest";
import { HoldfastError } from "../../src/base/errors.ts";
import type { Message } from "../../src/stream/subscription.ts";
import { createTestRegistry } from "../support/test-registry.ts";

const code = (expected: string): unknown => expect.objectContaining({ code: expected });

async function collect(messages: AsyncIterable<Message>): Promise<string[]> {
  const all: string[] = [];
  for await (const { event, data } of messages) all.push(`${event} ${data}`);
  return all;
}

describe("subscribe", () => {
  test("yields the user events in order, with their ids, names and data as text", async () => {
    const { registry } = createTestRegistry();
    const job = await registry.open("a");
    job.push({ event: "token", data: "two\nlines" });
    job.push({ event: "progress", data: { done: 1 } });
    job.push({ data: "" });
    await job.end();
    const messages = await Array.fromAsync(registry.subscribe("a"));
    expect(messages).toEqual([
      { id: `${job.epoch}.1`, event: "token", data: "two\nlines" },
      { id: `${job.epoch}.2`, event: "progress", data: '{"done":1}' },
      { id: `${job.epoch}.3`, event: "message", data: "" },
    ]);
  });

  test("waits for a stream that does not exist yet, and throws GONE after `wait`", async () => {
    const { registry, clock } = createTestRegistry();
    const gone = expect(collect(registry.subscribe("never"))).rejects.toEqual(code("GONE"));
    const collected = collect(registry.subscribe("a"));
    await clock.advance(89_000);
    const job = await registry.open("a");
    job.push({ data: 1 });
    await job.end();
    await clock.flush();
    expect(await collected).toEqual(["message 1"]);
    await clock.advance(2_000);
    await gone;
  });

  test("attaches at the first `next()`, and does not count against `maxConnections`", async () => {
    const { registry } = createTestRegistry({ maxConnections: 1 });
    const job = await registry.open("a");
    const messages = registry.subscribe("a");
    expect(job.readers).toBe(0);
    void messages.next();
    expect([job.readers, registry.gauges().connections]).toEqual([1, 0]);
    await messages.return?.();
    expect(job.readers).toBe(0);
  });

  test("continues behind a cursor", async () => {
    const { registry } = createTestRegistry();
    const job = await registry.open("a");
    for (let n = 1; n <= 3; n++) job.push({ data: n });
    await job.end();
    expect(await collect(registry.subscribe("a", { cursor: `${job.epoch}.2` }))).toEqual(["message 3"]);
    expect(await collect(registry.subscribe(job, { cursor: `${job.epoch}.4.end` }))).toEqual([]);
  });

  test("calls `onReset` with what is missing before the next message", async () => {
    const { registry } = createTestRegistry({ buffer: { events: 2 } });
    const job = await registry.open("a");
    for (let n = 1; n <= 5; n++) job.push({ data: n });
    await job.end();
    const received: unknown[] = [];
    for await (const { data } of registry.subscribe("a", { onReset: (reset) => received.push(reset) }))
      received.push(data);
    expect(received).toEqual([{ reason: "trimmed", lost: [1, 3] }, "4", "5"]);
  });

  describe("without `onReset`", () => {
    test.each([
      ["trimmed", (epoch: string) => `${epoch}.1`],
      ["epoch", () => "0123456789.1"],
      ["ahead", (epoch: string) => `${epoch}.6`],
      ["invalid", () => "42"],
    ])("throws RESET at the beginning if its cursor does not fit (%s)", async (reason, cursorIn) => {
      const { registry } = createTestRegistry({ buffer: { events: 2 } });
      const job = await registry.open("a");
      for (let n = 1; n <= 5; n++) job.push({ data: n });
      await job.end();
      const reading = collect(registry.subscribe("a", { cursor: cursorIn(job.epoch) }));
      await expect(reading).rejects.toMatchObject({
        code: "RESET",
        message: expect.stringContaining(reason),
      });
      expect(job.readers).toBe(0);
    });

    test("throws RESET behind events that it has given out", async () => {
      const { registry, clock } = createTestRegistry({ buffer: { events: 2 } });
      const job = await registry.open("a");
      const messages = registry.subscribe(job);
      job.push({ data: 1 });
      expect((await messages.next()).value).toMatchObject({ data: "1" });
      for (let n = 2; n <= 9; n++) job.push({ data: n });
      await clock.flush();
      await expect(messages.next()).rejects.toEqual(code("RESET"));
    });

    test("and without a cursor it begins with the oldest event held", async () => {
      const { registry } = createTestRegistry({ buffer: { events: 2 } });
      const job = await registry.open("a");
      for (let n = 1; n <= 5; n++) job.push({ data: n });
      await job.end();
      expect(await collect(registry.subscribe("a"))).toEqual(["message 4", "message 5"]);
    });
  });

  test("buffers one page for a slow consumer, and calls `onReset` with what it missed", async () => {
    const { registry, clock } = createTestRegistry({ buffer: { events: 2 } });
    const job = await registry.open("a");
    const received: unknown[] = [];
    const messages = registry.subscribe(job, { onReset: ({ lost }) => received.push(lost) });
    const first = messages.next();
    job.push({ data: 1 });
    job.push({ data: 2 });
    await clock.flush();
    await first;
    for (let n = 3; n <= 9; n++) job.push({ data: n });
    await clock.flush();
    await job.end();
    for await (const { data } of messages) received.push(data);
    expect(received).toEqual(["2", [3, 7], "8", "9"]);
  });

  test("throws the error of a failed stream after its events", async () => {
    const { registry, clock } = createTestRegistry();
    const job = await registry.open("a");
    const messages = registry.subscribe("a");
    job.push({ data: 1 });
    const cause = new Error("disk full");
    await job.fail(cause);
    expect((await messages.next()).value).toMatchObject({ data: "1" });
    await clock.flush();
    await expect(messages.next()).rejects.toMatchObject({ code: "SOURCE_FAILED", cause });
    const other = await registry.open("b");
    const error = new HoldfastError("GONE", "The row was deleted.");
    await other.fail(error);
    await expect(collect(registry.subscribe("b"))).rejects.toBe(error);
  });

  test("refuses an invalid id at once", () => {
    const { registry } = createTestRegistry();
    expect(() => registry.subscribe("")).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
  });

  test.each(["before the first `next()`", "while it waits", "while it reads"])(
    "throws ABORTED when its signal aborts %s, and leaves nothing behind",
    async (when) => {
      const { registry, clock } = createTestRegistry();
      const controller = new AbortController();
      const messages = registry.subscribe("a", { signal: controller.signal });
      if (when === "before the first `next()`") controller.abort();
      const pending = messages.next();
      pending.catch(() => undefined);
      if (when === "while it reads") {
        await registry.open("a");
        await clock.flush();
      }
      controller.abort("enough");
      await expect(pending).rejects.toEqual(code("ABORTED"));
      await expect(messages.next()).rejects.toEqual(code("ABORTED"));
      await clock.flush();
      expect(registry.gauges()).toMatchObject({ waiting: 0 });
      expect(registry.get("a")?.readers ?? 0).toBe(0);
      expect(getEventListeners(controller.signal, "abort")).toEqual([]);
    },
  );

  test("detaches at once when the loop is left", async () => {
    const { registry } = createTestRegistry();
    const job = await registry.open("a");
    job.push({ data: 1 });
    for await (const _ of registry.subscribe("a")) break;
    expect(job.readers).toBe(0);
  });

  test("throws REGISTRY_CLOSED when the registry is closed", async () => {
    const { registry } = createTestRegistry();
    await registry.open("a");
    const pending = registry.subscribe("a").next();
    pending.catch(() => undefined);
    await registry.close();
    await expect(pending).rejects.toEqual(code("REGISTRY_CLOSED"));
  });

  test("ends with the error that `onReset` throws", async () => {
    const { registry, observed } = createTestRegistry({ buffer: { events: 1 } });
    const job = await registry.open("a");
    job.push({ data: 1 });
    job.push({ data: 2 });
    const oops = new Error("oops");
    const onReset = (): never => {
      throw oops;
    };
    await expect(collect(registry.subscribe("a", { onReset }))).rejects.toBe(oops);
    expect([job.readers, observed.failed]).toEqual([0, []]);
  });

  test("yields messages that can be piped into another stream", async () => {
    const { registry, clock, connect } = createTestRegistry();
    const [from, to] = [await registry.open("a"), await registry.open("b")];
    void to.pipe(registry.subscribe("a"));
    const client = connect("b");
    from.push({ event: "token", data: "x" });
    await from.end();
    await clock.flush();
    expect(client.blocks.slice(2)).toEqual([
      ["token", `${to.epoch}.1`, "x"],
      ["stream.end", `${to.epoch}.2.end`, { status: "done" }],
    ]);
  });
});

test("an event of any size arrives whole", async () => {
  const { registry } = createTestRegistry();
  const job = await registry.open("a");
  const data = "x".repeat(300_000);
  job.push({ data });
  await job.end();
  const received: string[] = [];
  for await (const message of registry.subscribe("a")) received.push(message.data);
  expect(received).toEqual([data]);
});
