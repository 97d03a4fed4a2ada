// Covers src/registry/latest-by.ts, src/stream/latest-stream.ts and what src/stream/reader.ts does for them.

import fc from "fast-check";
import { describe, expect, expectTypeOf, test } from "vitest";
import { json, type Pushed, text } from "../../src/contract/decoder.ts";
import type { SseEvent } from "../../src/protocol/event.ts";
import { createRegistry } from "../../src/registry/registry.ts";
import type { Registry, RegistryOptions } from "../../src/registry/types.ts";
import { createFakeClock, createMemoryStore } from "../../src/testing/index.ts";
import { connectMultiplex, MUX } from "../support/multiplex-client.ts";
import { createTestRegistry, type TestRegistry } from "../support/test-registry.ts";
import { type Value, ValuesPage } from "../support/values-page.ts";

const RUNS = Number(process.env["HOLDFAST_RUNS"] ?? 100);
const HOUR = 3_600_000;

/** The key of an event of these tests; events with an empty one are passed on. */
function keyOf({ data }: SseEvent): string | undefined {
  return (data as Value).key || undefined;
}

interface Prices extends TestRegistry {
  readonly set: (key: string, value: number, pad?: string) => void;
  /** Deletes a key, with an event that says so. */
  readonly remove: (key: string) => void;
  /** A page that is connected. */
  readonly open: (cursor?: string) => ValuesPage;
}

function createPrices(options: RegistryOptions = {}): Prices {
  const test = createTestRegistry({ latestBy: keyOf, idle: Infinity, ...options });
  const channel = test.registry.channel("prices");
  return {
    ...test,
    set: (key, value, pad) => channel.push({ data: { key, value, pad } }),
    remove: (key) => channel.delete(key, { data: { key } }),
    open(cursor) {
      const page = new ValuesPage();
      page.cursor = cursor;
      page.use(test.connect(channel, cursor === undefined ? {} : { cursor }));
      return page.read();
    },
  };
}

const shown = (page: ValuesPage): Record<string, number> => Object.fromEntries(page.read().values);
/** How often it started over, and what it shows. */
const stateOf = (page: ValuesPage): unknown => [page.read().resets, shown(page)];

describe("a channel of latest values", () => {
  test("gives a newcomer the newest event of each key, under ids with holes, and then the changes", async () => {
    const { registry, clock, connect, set } = createPrices();
    set("a", 1);
    set("b", 2);
    set("a", 3);
    const client = connect(registry.channel("prices"));
    set("b", 4);
    await clock.flush();
    const { epoch } = registry.get("prices") ?? {};
    expect(client.blocks).toEqual([
      ["stream.open", `${epoch}.0`, { state: "live", first: 1, last: 3, heartbeat: 15_000 }],
      ["message", `${epoch}.2`, { key: "b", value: 2 }],
      ["message", `${epoch}.3`, { key: "a", value: 3 }],
      ["stream.live", undefined, {}],
      ["message", `${epoch}.4`, { key: "b", value: 4 }],
    ]);
  });

  test("goes on at a cursor with what has changed, without a reset, however often that was", async () => {
    const { set, open } = createPrices({ buffer: { events: 4 } });
    set("a", 1);
    set("b", 1);
    const { cursor } = open();
    for (let value = 2; value <= 100; value++) set("a", value);
    const page = open(cursor);
    expect(stateOf(page)).toEqual([0, { a: 100 }]);
  });

  test("counts the events that it delivers", async () => {
    const { registry, set, connect, observed, clock } = createPrices();
    for (let value = 1; value <= 10; value++) set("a", value);
    set("b", 1);
    const client = connect(registry.channel("prices"));
    set("c", 1);
    await clock.flush();
    client.leave();
    expect(observed.replayed).toMatchObject([{ events: 2 }]);
    expect(observed.connectionClosed).toMatchObject([{ events: 3 }]);
  });

  test("tells readers of a deletion by its event, also one that was away for less than an hour", async () => {
    const { clock, set, remove, open } = createPrices();
    set("a", 1);
    set("b", 1);
    const page = open();
    remove("a");
    await clock.flush();
    expect(stateOf(page)).toEqual([0, { b: 1 }]);
    const away = page.cursor;
    remove("b");
    await clock.advance(HOUR - 1);
    set("c", 1);
    expect(open(away).resets).toBe(0);
    await clock.advance(1);
    set("c", 2);
    const late = open(away);
    expect(stateOf(late)).toEqual([1, { c: 2 }]);
  });

  test("starts its readers over if a key is deleted without an event", async () => {
    const { registry, clock, set, open, observed } = createPrices();
    set("a", 1);
    set("b", 1);
    const page = open();
    registry.channel("prices").delete("b");
    await clock.flush();
    expect(stateOf(page)).toEqual([1, { a: 1 }]);
    expect(observed.reset).toMatchObject([{ id: "prices", reason: "epoch", lost: null }]);
    // It has everything: when it reconnects, it need not start over.
    expect(open(page.cursor).resets).toBe(0);
  });

  test("passes events without a key on to those who read now", async () => {
    const { registry, clock, open, set } = createPrices();
    set("a", 1);
    const page = open();
    const channel = registry.channel("prices");
    channel.push({ data: { key: "", value: 7 } });
    const later = open();
    await clock.flush();
    expect(page.read().passed).toEqual([7]);
    expect(later.read().passed).toEqual([]);
    expect(open().passed).toEqual([]);
    channel.push({ data: { key: "", value: 8 } });
    await clock.flush();
    expect([page.read().passed, later.read().passed]).toEqual([[7, 8], [8]]);
  });

  test("deletes the stalest keys aloud when there are too many", async () => {
    const { clock, set, open, observed } = createPrices({ buffer: { events: 8 } });
    for (let key = 0; key < 8; key++) set(`${key}`, 1);
    set("0", 2);
    const page = open();
    set("8", 1);
    await clock.flush();
    expect(observed.warned).toEqual([
      {
        id: "prices",
        message: expect.stringContaining(`no room for 2 keys of the channel, the stalest ones ("1", "2")`),
      },
    ]);
    expect(shown(page)).toEqual({ 3: 1, 4: 1, 5: 1, 6: 1, 7: 1, 0: 2, 8: 1 });
    expect(page.resets).toBe(1);
  });

  test("gives up keys when the registry is full, and its readers know", async () => {
    const { registry, clock, set, open, observed } = createPrices({ bytes: 20_000 });
    for (let key = 0; key < 10; key++) set(`${key}`, 1, "x".repeat(1_000));
    const page = open();
    const job = await registry.open("job");
    for (let count = 0; count < 20; count++) job.push({ data: "x".repeat(1_000) });
    await clock.flush();
    expect(registry.gauges().bytes).toBeLessThanOrEqual(20_000);
    expect(page.read().resets).toBeGreaterThan(0);
    expect(page.values).toEqual(open().values);
    expect(page.values.size).toBeLessThan(10);
    expect(observed.warned.some(({ message }) => message.includes("no room for"))).toBe(true);
  });

  test("has a reset `epoch` for a cursor of another life", () => {
    const { set, open } = createPrices();
    set("a", 1);
    const page = open("aaaaaaaaaa.7");
    expect(stateOf(page)).toEqual([1, { a: 1 }]);
  });

  test("begins with the next event if `from` says so", async () => {
    const { registry, clock, connect, set } = createPrices();
    set("a", 1);
    const client = connect(registry.channel("prices", { from: "now" }));
    set("a", 2);
    await clock.flush();
    expect(client.events).toEqual([{ key: "a", value: 2 }]);
  });

  test("leaves the streams of its registry as they are", async () => {
    const { registry, connect } = createPrices();
    const job = await registry.open("job");
    for (let value = 1; value <= 3; value++) job.push({ data: { key: "a", value } });
    expect(connect("job").events).toHaveLength(3);
  });

  test("is read by `subscribe`, too", async () => {
    const { registry, set, remove } = createPrices();
    set("a", 1);
    set("a", 2);
    remove("a");
    set("b", 1);
    const got: unknown[] = [];
    for await (const { data } of registry.subscribe("prices")) {
      got.push(JSON.parse(data));
      if (got.length === 2) break;
    }
    expect(got).toEqual([{ key: "a" }, { key: "b", value: 1 }]);
  });

  test("holds no more than the values of its keys, whatever is pushed", async () => {
    const { registry, clock, set, remove } = createPrices();
    for (let key = 0; key < 100; key++) set(`key-${key}`, 0);
    const { bytes } = registry.gauges();
    for (let value = 1; value <= 200; value++) {
      for (let key = 0; key < 100; key++) set(`key-${key}`, value);
      registry.channel("prices").push({ data: { key: "", value } });
      await clock.flush();
    }
    expect(registry.gauges().bytes).toBeLessThan(bytes * 1.2);
    for (let key = 0; key < 100; key++) remove(`key-${key}`);
    for (let value = 0; value < 1_000; value++) {
      set("other", value);
      remove("other");
    }
    expect(registry.gauges().bytes).toBeLessThan(bytes);
  });
});

describe("mistakes with latest values", () => {
  const data = { key: "a", value: 1 };

  test("a key that is not a string, and a `latestBy` that throws, refuse the push and change nothing", () => {
    const cause = new TypeError("no data");
    for (const [latestBy, problem] of [
      [() => 7, { message: expect.stringContaining("a string or undefined, got number") }],
      [() => null, { message: expect.stringContaining("got null") }],
      [() => Promise.resolve("a"), { message: expect.stringContaining("got a promise") }],
      [() => Promise.reject(new Error("late")), { message: expect.stringContaining("got a promise") }],
      [
        () => {
          throw cause;
        },
        { cause },
      ],
    ] as const) {
      const { registry, observed } = createTestRegistry({ latestBy: latestBy as never });
      expect(() => registry.channel("a").push({ data })).toThrow(
        expect.objectContaining({ code: "INVALID_EVENT", ...problem }),
      );
      expect(registry.get("a")).toMatchObject({ last: 0, bytes: 0 });
      expect(observed.pushed).toEqual([]);
    }
  });

  test("what is no event is refused as such, also if `latestBy` throws on it", () => {
    const { registry } = createPrices();
    expect(() => registry.channel("a").push(undefined as never)).toThrow("An event must be an object");
    expect(() => registry.channel("a").push({ payload: 1 } as never)).toThrow('no field "payload"');
  });

  test("`latestBy` may push as well", async () => {
    const { registry, connect, clock } = createTestRegistry({
      latestBy: ({ event }) => {
        if (event === "outer") registry.channel("a").push({ event: "inner", data: "x".repeat(100) });
        return event;
      },
    });
    registry.channel("a").push({ event: "outer" });
    await clock.flush();
    expect(connect(registry.channel("a")).blocks.map(([event, id]) => [event, id?.split(".")[1]])).toEqual([
      ["stream.open", "0"],
      ["inner", "1"],
      ["outer", "2"],
      ["stream.live", undefined],
    ]);
    expect(registry.gauges().bytes).toBe(registry.get("a")?.bytes);
    await registry.close();
    expect(registry.gauges().bytes).toBe(0);
  });

  test("the observer may push when keys are dropped", async () => {
    let [warnings, value] = [0, 0];
    const { registry, clock } = createTestRegistry({
      latestBy: keyOf,
      buffer: { events: 8 },
      observer: {
        warned: () => {
          if (++warnings < 3) push(20);
        },
      },
    });
    const channel = registry.channel("a");
    const push = (count: number): void => {
      for (let pushed = 0; pushed < count; pushed++) channel.push({ data: { key: `${++value}`, value } });
    };
    push(20);
    await clock.flush();
    await clock.flush();
    expect(warnings).toBe(3);
    expect(registry.gauges().bytes).toBe(registry.get("a")?.bytes);
  });

  test("names of `Object.prototype` are keys like any other", async () => {
    const { clock, set, remove, open } = createPrices();
    for (const key of ["__proto__", "constructor", "toString"]) set(key, 1);
    remove("toString");
    remove("hasOwnProperty");
    await clock.flush();
    expect([...open().values.keys()]).toEqual(["__proto__", "constructor"]);
  });

  test("a key that is new with each push holds what the buffer allows, and is said once a turn", async () => {
    const { registry, clock, set, open, observed } = createPrices({ buffer: { events: 100 } });
    for (let turn = 0; turn < 3; turn++) {
      for (let value = 0; value < 1_000; value++) set(`${turn}-${value}`, value);
      await clock.flush();
    }
    expect(observed.warned).toHaveLength(3);
    expect(open().values.size).toBeLessThanOrEqual(100);
    expect(registry.gauges().bytes).toBeLessThan(100 * 300);
  });

  test("keys count with their length", () => {
    const { registry } = createTestRegistry({ latestBy: ({ event }) => event, buffer: { bytes: 100_000 } });
    const latestBy = ({ data: value }: SseEvent): string => "x".repeat(10_000) + String(value);
    const long = createTestRegistry({ latestBy, buffer: { bytes: 100_000 } }).registry;
    for (let value = 0; value < 100; value++)
      for (const each of [registry, long]) each.channel("a").push({ event: `${value}`, data: value });
    expect(registry.get("a")?.last).toBe(100);
    expect(long.gauges().bytes).toBeGreaterThan(80_000);
    expect(long.gauges().bytes).toBeLessThanOrEqual(100_000);
  });

  test("deleting an unknown key, twice, or after `close` does nothing", async () => {
    const { registry, clock, set, open } = createPrices();
    const channel = registry.channel("prices");
    set("a", 1);
    const page = open();
    const { last } = registry.get("prices") ?? {};
    channel.delete("b");
    channel.delete("b", { data: { key: "b" } });
    await clock.flush();
    expect([page.read().resets, registry.get("prices")?.last]).toEqual([0, last]);
    channel.delete("a", { data: { key: "a" } });
    channel.delete("a", { data: { key: "a" } });
    channel.delete("a");
    await clock.flush();
    expect(registry.get("prices")?.last).toBe((last ?? 0) + 1);
    await registry.close({ deadline: 0 });
    channel.delete("a");
    channel.push({ data: { key: "a", value: 2 } });
    registry.channel("prices").delete("a");
    expect(registry.size).toBe(0);
  });

  test("deleting does not create a channel that is forgotten", async () => {
    const { registry, clock } = createPrices({ idle: 1_000 });
    const channel = registry.channel("prices");
    await clock.advance(2_000);
    channel.delete("a");
    expect(registry.size).toBe(0);
  });

  test("an event of a deletion is checked like any other", () => {
    const { registry, set, open } = createPrices();
    set("a", 1);
    const channel = registry.channel("prices");
    expect(() => channel.delete("a", { nonsense: 1 } as never)).toThrow(
      expect.objectContaining({ code: "INVALID_EVENT" }),
    );
    expect(() => channel.delete(7 as never)).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
    expect(shown(open())).toEqual({ a: 1 });
  });

  test("`delete` without `latestBy`, `latestBy` with a store, and one that is no function are refused", () => {
    const refused = expect.objectContaining({ code: "INVALID_OPTION" });
    expect(() => createTestRegistry().registry.channel("a").delete("a")).toThrow(refused);
    expect(() =>
      createTestRegistry({ latestBy: keyOf, store: createMemoryStore({ clock: createFakeClock() }) }),
    ).toThrow(refused);
    expect(() => createTestRegistry({ latestBy: "key" as never })).toThrow(refused);
  });

  test("the contract gives `latestBy` and `delete` their types", () => {
    const events = { price: json<{ share: string }>(), gone: json<{ share: string }>(), note: text };
    const registry = createRegistry({
      events,
      latestBy: (event) => (event.event === "note" ? undefined : event.data.share),
    });
    expectTypeOf(registry).toEqualTypeOf<Registry<Pushed<typeof events>>>();
    const channel = registry.channel("a");
    channel.push({ event: "price", data: { share: "ACME" } });
    channel.delete("ACME", { event: "gone", data: { share: "ACME" } });
    // @ts-expect-error -- there is no such event
    channel.delete("ACME", { event: "went", data: { share: "ACME" } });
    // @ts-expect-error -- a key is a string
    createRegistry({ events, latestBy: () => 7 });
  });
});

type Mode = "plain" | "filter" | "multiplex";

type Step =
  | { readonly do: "set"; readonly key: string; readonly size: number }
  | { readonly do: "remove"; readonly key: string; readonly isSilent: boolean }
  | { readonly do: "join"; readonly mode: Mode }
  | { readonly do: "stall" | "drain" | "drain once"; readonly page: number }
  | { readonly do: "cut"; readonly page: number; readonly part: number; readonly isBack: boolean }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "turn" | "pass" | "restart" };

const anyKey = fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h", "__proto__");
const anyPage = fc.nat(9);
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant("set"), key: anyKey, size: fc.nat(300) } as const) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("remove"), key: anyKey, isSilent: fc.boolean() } as const),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("join"),
      mode: fc.constantFrom<Mode>("plain", "filter", "multiplex"),
    } as const),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom("stall", "drain", "drain once"), page: anyPage } as const),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("cut"),
      page: anyPage,
      part: fc.double({ min: 0, max: 1, noNaN: true }),
      isBack: fc.boolean(),
    } as const),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("wait"), ms: fc.constantFrom(1, HOUR / 2, HOUR) } as const),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("turn", "pass") } as const) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("restart") } as const) },
);

/** What a filtered page does not get. */
const LEFT_OUT = "c";

test("whatever happens, a page that has caught up shows exactly the current value of every key", async () => {
  const seen = { resets: 0, cuts: 0, dropped: 0, restarts: 0, resumed: 0 };
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyStep, { maxLength: 80, size: "max" }),
      fc.constantFrom(3, 5, 1_000),
      fc.constantFrom(2_000, 1_000_000),
      async (steps, events, bytes) => {
        let prices = createPrices({ buffer: { events, bytes }, random: Math.random });
        const current = new Map<string, number>();
        const pages: { readonly page: ValuesPage; readonly mode: Mode }[] = [];
        let [value, dropped] = [0, 0];

        const connect = ({ page, mode }: (typeof pages)[number]): void => {
          const { registry, clock } = prices;
          const channel = registry.channel("prices");
          if (mode === "multiplex") {
            const members = { prices: channel, other: registry.channel("other") };
            const query = new URLSearchParams({ mux: MUX + pages.length });
            query.append("on", "other");
            query.append("on", `prices@${page.cursor ?? ""}`);
            page.use(connectMultiplex(members, query.toString(), { clock }));
          } else {
            const filter = ({ data }: { data: string }): boolean =>
              (JSON.parse(data) as Value).key !== LEFT_OUT;
            const options = page.cursor === undefined ? {} : { cursor: page.cursor };
            page.use(
              prices.connect(channel, mode === "filter" ? { ...options, serve: { filter } } : options),
            );
          }
          if (page.cursor !== undefined) seen.resumed++;
        };
        const countDropped = (): void => {
          for (const { message } of prices.observed.warned.splice(0))
            dropped += Number(/no room for (\d+) keys/.exec(message)?.[1]);
        };

        const perform = async (step: Step): Promise<void> => {
          const channel = prices.registry.channel("prices");
          const index = "page" in step ? step.page % Math.max(pages.length, 1) : 0;
          const held = pages[index];
          switch (step.do) {
            case "set":
              current.delete(step.key);
              current.set(step.key, ++value);
              return prices.set(step.key, value, "x".repeat(step.size));
            case "remove":
              current.delete(step.key);
              return step.isSilent ? channel.delete(step.key) : prices.remove(step.key);
            case "pass":
              return channel.push({ data: { key: "", value: ++value } });
            case "turn":
              return prices.clock.flush();
            case "wait":
              return prices.clock.advance(step.ms);
            case "join": {
              const joined = { page: new ValuesPage(), mode: step.mode };
              pages.push(joined);
              return connect(joined);
            }
            case "stall":
              return held?.page.client?.stall();
            case "drain":
              return held?.page.client?.drain();
            case "drain once":
              held?.page.client?.drain();
              return held?.page.client?.stall();
            case "cut":
              if (held === undefined) return;
              seen.cuts++;
              held.page.read(step.part).client?.leave();
              if (step.isBack) connect(held);
              return;
            case "restart": {
              seen.restarts++;
              countDropped();
              for (const { page } of pages) page.read().client?.leave();
              current.clear();
              prices = createPrices({ buffer: { events, bytes }, random: Math.random });
              for (const each of pages) connect(each);
            }
          }
        };

        for (const step of steps) {
          await perform(step);
          for (const { page } of pages) if (page.client?.state === "open") page.read();
          expect(prices.registry.gauges().bytes).toBeLessThanOrEqual(2 * bytes);
        }
        for (const { page } of pages) page.client?.drain();
        await prices.clock.flush();
        for (const each of pages) if (each.page.read().client?.state !== "open") connect(each);
        await prices.clock.flush();
        await prices.clock.flush();

        countDropped();
        const newcomer = prices.open();
        expect(newcomer.resets).toBe(0);
        const keys = [...current.keys()];
        const lost = keys.filter((key) => !newcomer.values.has(key));
        // Only the stalest keys give way.
        expect(lost).toEqual(keys.slice(0, lost.length));
        expect(dropped).toBeGreaterThanOrEqual(lost.length);
        for (const key of lost) current.delete(key);
        expect(newcomer.values).toEqual(current);
        const mayReset =
          dropped > 0 ||
          steps.some(
            (step) => step.do === "wait" || step.do === "restart" || (step.do === "remove" && step.isSilent),
          );
        for (const { page, mode } of pages) {
          const expected = new Map(current);
          if (mode === "filter") expected.delete(LEFT_OUT);
          expect(page.read().values).toEqual(expected);
          expect(page.isLive).toBe(true);
          if (!mayReset) expect(page.resets).toBe(0);
          seen.resets += page.resets;
        }
        seen.dropped += dropped;
      },
    ),
    { numRuns: RUNS },
  );
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(RUNS / 20);
});
