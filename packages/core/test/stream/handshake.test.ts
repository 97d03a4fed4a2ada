import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { AnyEvents } from "../../src/protocol/event.ts";
import type { Snapshot } from "../../src/stream/snapshot.ts";
import { type TestClient, createTestRegistry } from "../support/test-registry.ts";
import { parse } from "../support/parse.ts";

describe("the opening", () => {
  test("has no id before a reset or a running snapshot, for the next one has it", async () => {
    let snapshot: Snapshot<AnyEvents> = { state: "pending" };
    const { registry, clock, connect } = createTestRegistry({
      buffer: { events: 2 },
      snapshot: () => snapshot,
    });
    const job = await registry.open("a");
    for (let n = 1; n <= 5; n++) job.push({ data: n });
    const ids = async (cursor?: string): Promise<unknown[]> => {
      const client = connect("a", cursor === undefined ? {} : { cursor });
      await clock.flush();
      const { blocks } = client;
      client.leave();
      return blocks.map(([event, id]) => (id === undefined ? event : `${event} ${id.split(".")[1]}`));
    };
    expect(await ids(`${job.epoch}.3`)).toEqual(["stream.open 3", "message 4", "message 5", "stream.live"]);
    expect(await ids("?")).toEqual([
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
    expect(await ids()).toEqual(["stream.open", "state", "state 5", "stream.live"]);
    expect(await ids("?")).toEqual(["stream.open", "stream.reset", "state", "state 5", "stream.live"]);
    await clock.advance(2_000);
    snapshot = { state: "running", at: `${job.epoch}.5` };
    expect(await ids()).toEqual(["stream.open 5", "stream.live"]);
    expect(await ids("?")).toEqual(["stream.open", "stream.reset 5", "stream.live"]);
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

/** What a client makes of a stream that counts its tokens, the number of each being its place. */
class Counter {
  count = 0;
  cursor: string | undefined;
  ended = false;
  #read = 0;
  #client: TestClient | undefined;

  connect(client: TestClient): void {
    this.#client = client;
    this.#read = 0;
  }

  /** Reads up to `most` characters of its connection; a block that is cut is dropped. */
  read(most = Infinity): void {
    const text = this.#client?.text.slice(0, Math.max(most, this.#read)) ?? "";
    const end = text.lastIndexOf("\n\n") + 2;
    if (end <= Math.max(1, this.#read)) return;
    for (const block of text.slice(this.#read, end).split(/(?<=\n\n)/)) this.#block(block);
    this.#read = end;
  }

  #block(text: string): void {
    const id = /^id: (.*)$/m.exec(text)?.[1];
    for (const { event, data } of parse(new TextEncoder().encode(text)).events) {
      if (event === "at") this.count = Number(data);
      else if (event === "token") this.#moveTo(Number(data), this.count + 1);
      else if (event === "stream.reset") this.#reset((JSON.parse(data) as { lost: Lost }).lost, id);
      else if (event === "stream.open" && id !== undefined && this.cursor === undefined)
        this.count = seqOf(id);
      else if (event === "stream.end") this.ended = true;
    }
    this.cursor = id ?? this.cursor;
  }

  #reset(lost: Lost, id: string | undefined): void {
    if (lost === null) {
      this.count = id === undefined ? 0 : seqOf(id);
      // It has nothing any more, whatever it had: who is cut before the next id must not say otherwise.
      this.cursor = id;
    } else {
      this.#moveTo(lost[0], this.count + 1);
      this.count = lost[1];
    }
  }

  #moveTo(number: number, expected: number): void {
    if (number !== expected) throw new Error(`At ${this.cursor}, got ${number} instead of ${expected}`);
    this.count = number;
  }
}

type Lost = readonly [number, number] | null;

function seqOf(id: string): number {
  return Number(id.split(".")[1]);
}

test.each([0, 1, 3])(
  "a running snapshot with %i events is concatFrames by the log, whatever is cut and whenever: nothing missed, nothing twice",
  async (events) => {
    const steps = fc.array(
      fc.oneof(
        fc.record({ do: fc.constant("push" as const), count: fc.integer({ min: 1, max: 6 }) }),
        fc.record({ do: fc.constant("save" as const), back: fc.nat(4) }),
        fc.record({ do: fc.constant("come" as const), seen: fc.nat(900) }),
        fc.record({ do: fc.constant("stall" as const) }),
        fc.record({ do: fc.constant("drain" as const) }),
        fc.record({ do: fc.constant("pass" as const), ms: fc.constantFrom(0, 700, 2_400, 2_400) }),
      ),
      { maxLength: 40, size: "max" },
    );
    let concatFrames = 0;
    await fc.assert(
      fc.asyncProperty(steps, async (history) => {
        let snapshot: Snapshot<AnyEvents> = { state: "pending" };
        const place = createTestRegistry({
          random: Math.random,
          buffer: { events: 4 },
          snapshot: () => snapshot,
        });
        const job = await place.registry.open("a");
        const counter = new Counter();
        let client: TestClient | undefined;
        let pushed = 0;
        /** The database knows `count` tokens: the last event of its snapshot says so. */
        const save = (count: number): void => {
          const at = (_: unknown, n: number): object => ({ event: "at", data: n === events - 1 ? count : 0 });
          snapshot = {
            state: "running",
            at: `${job.epoch}.${count}`,
            events: Array.from({ length: events }, at),
          };
        };
        const come = (seen: number): void => {
          counter.read(seen);
          if (client?.text.includes("event: at\n") === true) concatFrames++;
          client?.leave();
          client = place.connect("a", counter.cursor === undefined ? {} : { cursor: counter.cursor });
          counter.connect(client);
        };
        for (const step of history) {
          if (step.do === "push") {
            for (let n = 0; n < step.count; n++) job.push({ event: "token", data: ++pushed });
            if (step.count % 2 === 0) save(pushed);
          } else if (step.do === "save") save(Math.max(pushed - step.back, 0));
          else if (step.do === "come") come(step.seen);
          else if (step.do === "stall") client?.stall();
          else if (step.do === "drain") client?.drain();
          else await place.clock.advance(step.ms);
        }
        await job.end();
        while (!counter.ended) {
          client?.drain();
          await place.clock.flush();
          counter.read();
          if (!counter.ended) come(Infinity);
        }
        expect(counter.count).toBe(pushed);
        client?.leave();
        await place.registry.close();
        expect(place.clock.timers).toBe(0);
      }),
      { numRuns: 300 },
    );
    if (events > 0) expect(concatFrames).toBeGreaterThan(5);
  },
);
