import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { AnyEvents } from "../../src/protocol/event.ts";
import type { Snapshot } from "../../src/stream/snapshot.ts";
import { type TestClient, createTestRegistry } from "../support/test-registry.ts";
import { parse } from "../support/parse.ts";

describe("the handshake", () => {
  test("has no id in `stream.open` if a reset or a running snapshot follows, whose last event has it", async () => {
    let snapshot: Snapshot<AnyEvents> = { state: "pending" };
    const { registry, clock, connect } = createTestRegistry({
      buffer: { events: 2 },
      snapshot: () => snapshot,
    });
    const job = await registry.open("a");
    for (let n = 1; n <= 5; n++) job.push({ data: n });
    const eventsWithNumbers = async (cursor?: string): Promise<unknown[]> => {
      const client = connect("a", cursor === undefined ? {} : { cursor });
      await clock.flush();
      const { blocks } = client;
      client.leave();
      return blocks.map(([event, id]) => (id === undefined ? event : `${event} ${id.split(".")[1]}`));
    };
    expect(await eventsWithNumbers(`${job.epoch}.3`)).toEqual([
      "stream.open 3",
      "message 4",
      "message 5",
      "stream.live",
    ]);
    expect(await eventsWithNumbers("?")).toEqual([
      "stream.open",
      "stream.reset 3",
      "message 4",
      "message 5",
      "stream.live",
    ]);
    await clock.advance(2_000);
    const events = [
      { event: "state", data: 1 },
      { event: "state", data: 2 },
    ];
    snapshot = { state: "running", at: `${job.epoch}.5`, events };
    expect(await eventsWithNumbers()).toEqual(["stream.open", "state", "state 5", "stream.live"]);
    expect(await eventsWithNumbers("?")).toEqual([
      "stream.open",
      "stream.reset",
      "state",
      "state 5",
      "stream.live",
    ]);
    await clock.advance(2_000);
    snapshot = { state: "running", at: `${job.epoch}.5` };
    expect(await eventsWithNumbers()).toEqual(["stream.open 5", "stream.live"]);
    expect(await eventsWithNumbers("?")).toEqual(["stream.open", "stream.reset 5", "stream.live"]);
  });

  test("is one write", async () => {
    const { registry, clock, connect } = createTestRegistry({
      buffer: { events: 1 },
      snapshot: () => ({ state: "running", at: "iiiiiiiiii.1", events: [{ data: "a" }, { data: "b" }] }),
    });
    const job = await registry.open("a");
    job.push({ data: 1 });
    job.push({ data: 2 });
    const client = connect("a", { cursor: "?" });
    client.stall();
    await clock.flush();
    expect(client.writes).toBe(1);
    expect(client.events).toEqual(["a", "b"]);
  });

  test("without control events still moves the cursor", async () => {
    const { registry, clock, connect } = createTestRegistry({
      buffer: { events: 1 },
      snapshot: () => ({ state: "running", at: "iiiiiiiiii.1", events: [{ data: "a" }] }),
    });
    const job = await registry.open("a");
    job.push({ data: 1 });
    job.push({ data: 2 });
    const client = connect("a", { serve: { control: false } });
    await clock.flush();
    expect(client.text).toBe("retry: 1500\n\nid: iiiiiiiiii.1\ndata: a\n\nid: iiiiiiiiii.2\ndata: 2\n\n");
  });
});

/** Checks a stream whose tokens are numbered from 1: a client that counts them over all its connections. */
class CountingClient {
  count = 0;
  cursor: string | undefined;
  ended = false;
  #read = 0;
  #connection: TestClient | undefined;

  connect(connection: TestClient): void {
    this.#connection = connection;
    this.#read = 0;
  }

  /** Reads up to `limit` characters of the connection, and discards an incomplete block. */
  read(limit = Infinity): void {
    const text = this.#connection?.text.slice(0, Math.max(limit, this.#read)) ?? "";
    const end = text.lastIndexOf("\n\n") + 2;
    if (end <= Math.max(1, this.#read)) return;
    for (const block of text.slice(this.#read, end).split(/(?<=\n\n)/)) this.#onBlock(block);
    this.#read = end;
  }

  #onBlock(text: string): void {
    const id = /^id: (.*)$/m.exec(text)?.[1];
    for (const { event, data } of parse(new TextEncoder().encode(text)).events) {
      if (event === "at") this.count = Number(data);
      else if (event === "token") this.#moveTo(Number(data), this.count + 1);
      else if (event === "stream.reset") this.#onReset((JSON.parse(data) as { lost: Lost }).lost, id);
      else if (event === "stream.open" && id !== undefined && this.cursor === undefined)
        this.count = seqOf(id);
      else if (event === "stream.end") this.ended = true;
    }
    this.cursor = id ?? this.cursor;
  }

  #onReset(lost: Lost, id: string | undefined): void {
    if (lost === null) {
      this.count = id === undefined ? 0 : seqOf(id);
      // The snapshot replaces all earlier events. A client that is cut before the next id must not resume behind them.
      this.cursor = id;
    } else {
      this.#moveTo(lost[0], this.count + 1);
      this.count = lost[1];
    }
  }

  #moveTo(number: number, expected: number): void {
    if (number !== expected) throw new Error(`Token ${number} instead of ${expected} at ${this.cursor}`);
    this.count = number;
  }
}

type Lost = readonly [number, number] | null;

function seqOf(id: string): number {
  return Number(id.split(".")[1]);
}

test.each([0, 1, 3])(
  "after a running snapshot with %i events the log continues without a gap or a repetition, wherever connections are cut",
  async (events) => {
    const steps = fc.array(
      fc.oneof(
        fc.record({ do: fc.constant("push" as const), count: fc.integer({ min: 1, max: 6 }) }),
        fc.record({ do: fc.constant("save snapshot" as const), back: fc.nat(4) }),
        fc.record({ do: fc.constant("reconnect" as const), charactersRead: fc.nat(900) }),
        fc.record({ do: fc.constant("stall" as const) }),
        fc.record({ do: fc.constant("drain" as const) }),
        fc.record({ do: fc.constant("advance" as const), ms: fc.constantFrom(0, 700, 2_400, 2_400) }),
      ),
      { maxLength: 40, size: "max" },
    );
    let snapshotCount = 0;
    await fc.assert(
      fc.asyncProperty(steps, async (history) => {
        let snapshot: Snapshot<AnyEvents> = { state: "pending" };
        const { registry, clock, connect } = createTestRegistry({
          random: Math.random,
          buffer: { events: 4 },
          snapshot: () => snapshot,
        });
        const job = await registry.open("a");
        const counter = new CountingClient();
        let client: TestClient | undefined;
        let pushed = 0;
        /** Saves a snapshot at `count` tokens. Its last event has this number. */
        const save = (count: number): void => {
          const at = (_: unknown, n: number): object => ({ event: "at", data: n === events - 1 ? count : 0 });
          snapshot = {
            state: "running",
            at: `${job.epoch}.${count}`,
            events: Array.from({ length: events }, at),
          };
        };
        const reconnect = (charactersRead: number): void => {
          counter.read(charactersRead);
          if (client?.text.includes("event: at\n") === true) snapshotCount++;
          client?.leave();
          client = connect("a", counter.cursor === undefined ? {} : { cursor: counter.cursor });
          counter.connect(client);
        };
        for (const step of history) {
          if (step.do === "push") {
            for (let n = 0; n < step.count; n++) job.push({ event: "token", data: ++pushed });
            if (step.count % 2 === 0) save(pushed);
          } else if (step.do === "save snapshot") save(Math.max(pushed - step.back, 0));
          else if (step.do === "reconnect") reconnect(step.charactersRead);
          else if (step.do === "stall") client?.stall();
          else if (step.do === "drain") client?.drain();
          else await clock.advance(step.ms);
        }
        await job.end();
        while (!counter.ended) {
          client?.drain();
          await clock.flush();
          counter.read();
          if (!counter.ended) reconnect(Infinity);
        }
        expect(counter.count).toBe(pushed);
        client?.leave();
        await registry.close();
        expect(clock.timers).toBe(0);
      }),
      { numRuns: 300 },
    );
    if (events > 0) expect(snapshotCount).toBeGreaterThan(5);
  },
);
