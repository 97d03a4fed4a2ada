import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { createCounters, type CounterValues } from "../../src/observability/counters.ts";
import { HoldfastError } from "../../src/base/errors.ts";
import type { Observer } from "../../src/protocol/observer.ts";
import { serve } from "../../src/connection/serve.ts";
import { createMemoryClient } from "../../src/testing/index.ts";
import { type TestClient, createTestRegistry } from "../support/test-registry.ts";

const sum = (tally: Readonly<Record<string, number>>): number =>
  Object.values(tally).reduce((total, count) => total + count, 0);

const blocksOf = (clients: readonly TestClient[], name: string): TestClient["blocks"] =>
  clients.flatMap(({ blocks }) => blocks.filter(([event]) => event === name));

const silent: Observer = { warned: () => undefined, failed: () => undefined };

describe("counters", () => {
  test("forward to another observer, and log failures and warnings that it does not take", () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const streamOpened = vi.fn<NonNullable<Observer["streamOpened"]>>();
    const counters = createCounters({ streamOpened });
    const opened = { id: "a", epoch: "abcdefghij" };
    counters.streamOpened(opened);
    counters.failed({ id: "a", stage: "source", error: new Error("no") });
    expect(streamOpened.mock.calls).toEqual([[opened]]);
    expect(warn).toHaveBeenCalledOnce();
    expect(counters.read()).toMatchObject({ streams: { opened: 1 }, failures: { source: 1 } });
    warn.mockRestore();
  });

  test("have every key from the start", () => {
    expect(createCounters().read()).toEqual({
      connections: {
        opened: 0,
        closed: {
          ended: 0,
          disconnected: 0,
          zombie: 0,
          overflow: 0,
          closed: 0,
          failed: 0,
          reset: 0,
          shutdown: 0,
          "max-duration": 0,
          aborted: 0,
          busy: 0,
          waiting: 0,
        },
      },
      streams: { opened: 0, ended: { done: 0, failed: 0, cancelled: 0, expired: 0, lost: 0 } },
      events: { pushed: 0, delivered: 0, replayed: 0 },
      bytes: 0,
      heartbeats: 0,
      resets: { trimmed: 0, epoch: 0, ahead: 0, invalid: 0 },
      warnings: 0,
      failures: { source: 0, cleanup: 0, delivery: 0, snapshot: 0, store: 0 },
    } satisfies CounterValues);
  });

  test("return a copy from `read`", async () => {
    const counters = createCounters(silent);
    const { registry } = createTestRegistry({ observer: counters });
    const before = counters.read();
    await registry.open("a");
    expect([before.streams.opened, counters.read().streams.opened]).toEqual([0, 1]);
  });

  test("count why connections close", async () => {
    const counters = createCounters(silent);
    const { registry, clock, connect } = createTestRegistry({
      observer: counters,
      maxConnections: 2,
      maxDuration: 10_000,
      wait: 5_000,
      idleTimeout: 1_000,
    });
    const job = await registry.open("a");
    connect("a").leave();
    connect("missing");
    connect("a");
    connect("a");
    await clock.advance(5_000);
    const stalled = connect("a");
    stalled.stall();
    job.push({ data: 1 });
    await clock.advance(10_000);
    const last = connect("a");
    await job.end();
    await clock.flush();
    expect(last.state).toBe("flushed");
    connect("b");
    await registry.close();
    expect(counters.read().connections).toMatchObject({
      opened: 7,
      closed: { disconnected: 1, waiting: 1, busy: 1, "max-duration": 1, zombie: 1, ended: 1, shutdown: 1 },
    });
  });

  test("count the bytes and events of a bare source with its own observer", async () => {
    const counters = createCounters(silent);
    const { clock } = createTestRegistry();
    const client = createMemoryClient();
    const over = serve(client.request, client.open, list([{ data: 1 }, { data: 2 }]), {
      observer: counters,
      clock,
    });
    await clock.flush();
    await over;
    expect(counters.read()).toMatchObject({
      connections: { opened: 1, closed: { closed: 1 } },
      events: { delivered: 2 },
      bytes: client.text.length,
    });
  });

  test("agree with what the clients got, in any history", async () => {
    const id = fc.constantFrom("a", "b", "done", "missing");
    const steps = fc.array(
      fc.oneof(
        fc.record({ do: fc.constant("open" as const), id }),
        fc.record({ do: fc.constant("push" as const), id, count: fc.integer({ min: 1, max: 5 }) }),
        fc.record({ do: fc.constant("end" as const), id }),
        fc.record({ do: fc.constant("fail" as const), id }),
        fc.record({ do: fc.constant("cancel" as const), id }),
        fc.record({
          do: fc.constant("connect" as const),
          id,
          cursor: fc.constantFrom("none", "last", "?", "0123456789.1"),
        }),
        fc.record({
          do: fc.constant("act" as const),
          act: fc.constantFrom("leave" as const, "stall" as const, "drain" as const),
          which: fc.nat(20),
        }),
        fc.record({ do: fc.constant("pass" as const), ms: fc.constantFrom(0, 500, 2_500, 20_000) }),
      ),
      { maxLength: 60, size: "max" },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (history) => {
        const counters = createCounters(silent);
        const failing = { next: false };
        const context = createTestRegistry({
          random: Math.random,
          observer: counters,
          buffer: { events: 3 },
          maxConnections: 6,
          wait: 5_000,
          linger: 1_000,
          snapshot: (requested) => {
            failing.next = !failing.next;
            if (requested === "b" && failing.next) throw new Error("down");
            if (requested === "missing") return undefined;
            return requested === "done"
              ? { state: "done", events: [{ data: 1 }, { data: 2 }] }
              : { state: "running" };
          },
        });
        const { registry, clock } = context;
        const clients: TestClient[] = [];
        const writers = new Map<string, Awaited<ReturnType<typeof registry.open>>>();
        let pushed = 0;
        let opened = 0;
        for (const step of history) {
          if (step.do === "open") {
            const writer = await registry.open(step.id).catch(() => undefined);
            if (writer === undefined) continue;
            opened++;
            writers.set(step.id, writer);
          } else if (step.do === "push") {
            const writer = writers.get(step.id);
            if (writer === undefined || registry.get(step.id)?.status !== "live") continue;
            for (let n = 0; n < step.count; n++, pushed++) writer.push({ event: "token", data: n });
          } else if (step.do === "end") await writers.get(step.id)?.end();
          else if (step.do === "fail") await writers.get(step.id)?.fail(new HoldfastError("GONE", "Gone."));
          else if (step.do === "cancel") await registry.cancel(step.id);
          else if (step.do === "connect") {
            const last = clients.at(-1)?.blocks.findLast(([, of]) => of !== undefined)?.[1];
            const cursor = { none: undefined, last }[step.cursor as "none" | "last"];
            const given = step.cursor === "none" || step.cursor === "last" ? cursor : step.cursor;
            clients.push(context.connect(step.id, given === undefined ? {} : { cursor: given }));
          } else if (step.do === "pass") await clock.advance(step.ms);
          else clients[step.which % Math.max(clients.length, 1)]?.[step.act]();
        }
        const closed = registry.close({ deadline: 0 });
        await clock.advance(0);
        await closed;
        const served = clients.filter(({ status }) => status === 200);
        const values = counters.read();
        expect(values.connections.opened).toBe(served.length);
        expect(sum(values.connections.closed)).toBe(served.length);
        expect(values.connections.closed.ended).toBe(blocksOf(served, "stream.end").length);
        const drained = blocksOf(served, "stream.drain").length;
        const { shutdown, waiting, busy, "max-duration": expired } = values.connections.closed;
        expect(shutdown + waiting + busy + expired).toBeGreaterThanOrEqual(drained);
        expect(values.events.delivered).toBe(served.flatMap(({ events }) => events).length);
        expect(values.events.delivered).toBeGreaterThanOrEqual(values.events.replayed);
        expect(values.bytes).toBe(served.reduce((total, { text }) => total + text.length, 0));
        expect(values.heartbeats).toBe(
          served.reduce(
            (total, { text }) => total + text.split("\n\n").filter((block) => block === ":").length,
            0,
          ),
        );
        expect(sum(values.resets)).toBe(blocksOf(served, "stream.reset").length);
        expect(values.events.pushed).toBe(pushed);
        expect(values.streams).toMatchObject({ opened });
        expect(sum(values.streams.ended)).toBe(opened);
      }),
      { numRuns: 300 },
    );
  });

  test("count the events of a running snapshot as delivered and replayed", async () => {
    const counters = createCounters(silent);
    const { registry, clock, connect } = createTestRegistry({
      observer: counters,
      buffer: { events: 1 },
      snapshot: () => ({ state: "running", at: "iiiiiiiiii.1", events: [{ data: "a" }, { data: "b" }] }),
    });
    const job = await registry.open("a");
    job.push({ data: 1 });
    job.push({ data: 2 });
    const client = connect("a");
    await clock.flush();
    client.leave();
    expect(client.events).toEqual(["a", "b", 2]);
    expect(counters.read().events).toEqual({ pushed: 2, delivered: 3, replayed: 3 });
  });
});

describe("an observer that fails", () => {
  const names = Object.keys(createCounters()).filter((name) => name !== "read") as (keyof Observer)[];
  const broken = (): never => {
    throw new Error("broken");
  };
  const failing: [string, () => unknown][] = [
    ["throws", broken],
    ["rejects", () => Promise.reject(new Error("broken"))],
    ["returns what cannot be awaited", () => new Proxy({}, { get: broken })],
  ];

  test.each(failing)("does not change what clients get: it %s", async (_how, fail) => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    try {
      const run = async (observer: Observer): Promise<string[]> => {
        const { registry, clock, connect } = createTestRegistry({
          observer,
          buffer: { events: 2 },
          wait: 5_000,
          snapshot: (id) => {
            if (id === "failing") throw new Error("down");
            return id === "running" ? { state: "running" } : { state: "done", events: [{ data: 1 }] };
          },
        });
        const clients = [connect("running"), connect("done"), connect("failing")];
        await clock.advance(20_000);
        const job = await registry.open("running");
        for (let n = 0; n < 5; n++) job.push({ data: n });
        clients.push(connect("running", { cursor: "?" }));
        await clock.flush();
        await job.fail(new Error("secret"));
        await registry.close();
        expect(clock.timers).toBe(0);
        return clients.map(({ text }) => text);
      };
      const expected = await run({ failed: () => undefined, warned: () => undefined });
      expect(await run(Object.fromEntries(names.map((name) => [name, fail])))).toEqual(expected);
      expect(warn).toHaveBeenCalledWith(expect.stringContaining("the observer's"), expect.any(Error));
    } finally {
      warn.mockRestore();
    }
  });
});

/** An iterable of these items. */
async function* list<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}
