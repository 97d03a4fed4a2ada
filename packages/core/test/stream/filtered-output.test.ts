// Covers the option `filter`: src/stream/filtered-output.ts.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Filter } from "../../src/connection/options.ts";
import { parseId } from "../../src/protocol/event-id.ts";
import { connectMultiplex, queryOf } from "../support/multiplex-client.ts";
import { createTestRegistry, type TestClient } from "../support/test-registry.ts";

const code = (expected: string): unknown => expect.objectContaining({ code: expected });
/** The number of the last id in a response. */
const cursorOf = ({ text }: Pick<TestClient, "text">): number =>
  parseId([...text.matchAll(/^id: (.*)$/gm)].at(-1)?.[1] ?? "")?.seq ?? -1;

describe("`filter`", () => {
  test("sends events with these names, replayed and live, and those only", async () => {
    const { registry, clock, connect, observed } = createTestRegistry();
    const job = await registry.open("a");
    for (const event of ["token", "progress", "token"]) job.push({ event, data: event });
    job.push({ data: "unnamed" });
    const filter = ["progress", "message"];
    const clients = [
      connect("a", { serve: { filter } }),
      connect(registry.stream("a", { filter })),
      connect(job, { serve: { filter: ({ event }) => filter.includes(event) } }),
    ];
    job.push({ event: "progress", data: 2 });
    job.push({ event: "token", data: "last" });
    await clock.flush();
    for (const client of clients) expect(client.events).toEqual(["progress", "unnamed", 2]);
    await job.end();
    await clock.flush();
    for (const client of clients) {
      expect(client.text).toContain(`id: ${job.epoch}.6\n\nevent: stream.end\n`);
    }
    expect(observed.connectionClosed.map(({ events }) => events)).toEqual([3, 3, 3]);
  });

  test("a function gets the event as it is on the wire, and channels have filters, too", async () => {
    const { registry, clock, connect } = createTestRegistry();
    const seen: unknown[] = [];
    const filter: Filter = (event) => seen.push(event) > 0 && event.data.includes("2");
    const room = registry.channel("room", { filter });
    const client = connect(room);
    for (const data of [{ n: 1 }, { n: 2 }]) room.push({ event: "said", data });
    await clock.flush();
    expect(client.events).toEqual([{ n: 2 }]);
    expect(seen).toMatchObject([
      { event: "said", data: '{"n":1}' },
      { event: "said", data: '{"n":2}' },
    ]);
    expect(parseId((seen[0] as { id: string }).id)?.seq).toBe(1);
  });

  test("the cursor moves before `stream.live`, with a heartbeat, and after 256 events", async () => {
    const { registry, clock, connect } = createTestRegistry();
    const job = await registry.open("a");
    for (let data = 1; data <= 3; data++) job.push({ data });
    const client = connect("a", { serve: { filter: [] } });
    expect(client.text).toContain(`id: ${job.epoch}.3\n\nevent: stream.live\n`);
    for (let data = 4; data <= 300; data++) job.push({ data });
    await clock.flush();
    expect(cursorOf(client)).toBe(259);
    const { text } = client;
    await clock.advance(15_000);
    expect(client.text).toBe(`${text}id: ${job.epoch}.300\n\n:\n\n`);
    await clock.advance(15_000);
    expect(client.text).toBe(`${text}id: ${job.epoch}.300\n\n:\n\n:\n\n`);
  });

  test("each member of a connection has its own", async () => {
    const { registry, clock } = createTestRegistry();
    const [a, b] = [await registry.open("a"), await registry.open("b")];
    const client = connectMultiplex(
      (member) => registry.stream(member, member === "a" ? { filter: ["token"] } : {}),
      queryOf({ a: undefined, b: undefined }),
    );
    await clock.flush();
    for (const job of [a, b]) for (const event of ["token", "progress"]) job.push({ event, data: event });
    await clock.flush();
    expect([client.events("a"), client.events("b")]).toEqual([["token"], ["token", "progress"]]);
    await clock.advance(15_000);
    expect(client.text).toMatch(
      new RegExp(`event: stream.member\ndata: {"member":"a"}\n\nid: ${a.epoch}\\.2\n\n$`),
    );
  });

  test("one that throws fails its client alone", async () => {
    const { registry, clock, connect, observed } = createTestRegistry();
    const job = await registry.open("a");
    const filter = (): never => {
      throw new Error("a mistake");
    };
    const [failing, other] = [connect("a", { serve: { filter } }), connect("a")];
    job.push({ data: 1 });
    await clock.flush();
    expect([failing.state, other.events]).toEqual(["destroyed", [1]]);
    expect(observed.failed).toMatchObject([{ id: "a", stage: "delivery" }]);
  });

  test("is checked, and not for bare sources", async () => {
    const { connect, registry } = createTestRegistry();
    for (const filter of ["token", [1], 7, null]) {
      await expect(connect("a", { serve: { filter: filter as never } }).over).rejects.toEqual(
        code("INVALID_OPTION"),
      );
      expect(() => registry.stream("a", { filter: filter as never })).toThrow(code("INVALID_OPTION"));
    }
    await expect(connect(() => undefined, { serve: { filter: [] } }).over).rejects.toEqual(
      code("INVALID_OPTION"),
    );
  });
});

test("a filtered client that is cut anywhere gets each event that it wants once, and its cursor lags by less than 257", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 700 }),
      fc.subarray(["a", "b", "c"]),
      fc.array(fc.nat(700), { maxLength: 5 }),
      async (names, filter, cuts) => {
        const { registry, clock, connect } = createTestRegistry();
        const job = await registry.open("x");
        const got: unknown[] = [];
        let client = connect("x", { serve: { filter } });
        for (const [index, event] of names.entries()) {
          job.push({ event, data: index });
          if (!cuts.includes(index)) continue;
          await clock.flush();
          got.push(...client.events);
          const last = cursorOf(client);
          expect(index + 1 - last).toBeLessThan(257);
          client.leave();
          client = connect("x", { cursor: `${job.epoch}.${last}`, serve: { filter } });
        }
        await job.end();
        await clock.flush();
        got.push(...client.events);
        expect(got).toEqual([...names.keys()].filter((index) => filter.includes(names[index] as string)));
      },
    ),
    { numRuns: 60 },
  );
});
