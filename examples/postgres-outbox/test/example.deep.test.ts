import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { applicationEvents } from "../../common/test/follow.ts";
import { readStream, type StreamReader } from "../../common/test/reconnecting-reader.ts";
import { until } from "../../common/test/until.ts";
import { hasPostgres, runExample } from "./run-example.ts";

const events = ({ received }: StreamReader) => applicationEvents([...received]);

describe.skipIf(!hasPostgres)("the example with an outbox in Postgres", () => {
  test("every committed event arrives once and no other, whatever is rolled back or killed", async () => {
    const example = await runExample();
    const readers = [
      readStream(`${example.urlOf("a")}/orders/feed`),
      readStream(`${example.urlOf("b")}/orders/feed`),
    ] as const;

    expect(await example.place("a")).toBe(201);
    expect(await example.place("b", true)).toBe(200);
    await until(() => readers.every((reader) => events(reader).some(({ event }) => event === "shipped")));
    await until(() => example.ledger().rolledBack > 0);

    // Orders are placed on both servers, while one and then the worker are killed in the middle of their transactions.
    let isOver = false;
    const placed = { a: 0, b: 0, rolledBack: 0 };
    const place = async (server: "a" | "b"): Promise<void> => {
      for (let order = 0; !isOver; order++) {
        const rollBack = order % 3 === 2;
        const status = await example.place(server, rollBack);
        if (rollBack && status === 200) placed.rolledBack++;
        if (status === 201) placed[server]++;
        if (status === undefined) await pause(100);
      }
    };
    const placing = [place("a"), place("a"), place("b")];
    const untilMore = async (server: "a" | "b"): Promise<void> => {
      const enough = placed[server] + 10;
      await until(() => placed[server] > enough);
    };
    await untilMore("a");
    await example.kill("a");
    await untilMore("b");
    await example.start("a");
    await untilMore("a");
    await example.kill("worker");
    await untilMore("b");
    await example.start("worker");
    isOver = true;
    await Promise.all(placing);

    // What is still to be shipped takes a while, so it is left: the worker is killed, and nothing is open any more.
    await example.kill("worker");
    await until(() => example.ledger().isSettled);
    const { committed, rolledBack, open } = example.ledger();
    expect(open).toBe(0);
    expect(committed).toBeGreaterThanOrEqual(placed.a + placed.b + 1);
    expect(rolledBack).toBeGreaterThanOrEqual(placed.rolledBack + 1);
    await until(() => readers.every((reader) => events(reader).length >= committed));

    expect(readers[0].reconnects).toBeGreaterThan(0);
    expect(readers[1].reconnects).toBe(0);
    for (const reader of readers) {
      const numbers = events(reader).map(({ id }) => Number(id?.split(".")[1]));
      expect(numbers).toEqual(Array.from({ length: committed }, (_, index) => index + 1));
      expect(new Set(events(reader).map(({ data }) => data.attempt)).size).toBe(committed);
      expect(reader.received.filter(({ event }) => event === "stream.reset")).toEqual([]);
    }
    // An order is shipped after it was placed, and once.
    const names = Map.groupBy(events(readers[1]), ({ data }) => data.order as number);
    for (const [, ofOrder] of names)
      expect(ofOrder.map(({ event }) => event)).toEqual(["placed", "shipped"].slice(0, ofOrder.length));
    expect(events(readers[0])).toEqual(events(readers[1]));
  });
});
