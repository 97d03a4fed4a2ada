import { constants, gunzipSync } from "node:zlib";
import type { Sink, SinkEvents, SseRequest } from "@holdfast/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { gzip } from "../src/index.ts";

const encoder = new TextEncoder();
const request = { method: "GET", cursor: undefined, acceptEncoding: "gzip" } as unknown as SseRequest;

/** The memory of a log: frames are written one after the other, and a new piece follows a full one. */
class Memory {
  #bytes = new Uint8Array(2_000);
  #used = 0;
  readonly frames: Uint8Array[] = [];

  add(text: string): void {
    const frame = encoder.encode(text);
    if (this.#used + frame.length > this.#bytes.length) {
      this.#bytes = new Uint8Array(Math.max(2_000, frame.length));
      this.#used = 0;
    }
    this.#bytes.set(frame, this.#used);
    this.frames.push(this.#bytes.subarray(this.#used, this.#used + frame.length));
    this.#used += frame.length;
  }

  /** The frames from a number on that are one view, and the number behind them. */
  read(from: number, most: number): [Uint8Array, number] {
    const first = this.frames[from] as Uint8Array;
    let next = from + 1;
    let end = first.byteOffset + first.length;
    for (; next < Math.min(from + most, this.frames.length); next++) {
      const frame = this.frames[next] as Uint8Array;
      if (frame.buffer !== first.buffer || frame.byteOffset !== end) break;
      end += frame.length;
    }
    return [new Uint8Array(first.buffer, first.byteOffset, end - first.byteOffset), next];
  }
}

class Client {
  readonly #memory: Memory;
  readonly #sink: Sink;
  readonly #expected: Uint8Array[] = [];
  readonly #received: Uint8Array[] = [];
  /** What it was sent last, without a copy. */
  sent: Uint8Array | undefined;
  readonly #events: string[] = [];
  #transport!: SinkEvents;
  #canTake = true;
  #isReady = true;
  #next: number;
  #end: "close" | "cut" | undefined;

  constructor(memory: Memory, from: number) {
    this.#memory = memory;
    this.#next = from;
    const events = {
      drained: () => void (this.#isReady = true),
      closed: () => void this.#events.push("closed"),
    };
    this.#sink = gzip((status, headers, transport) => {
      expect([status, headers]).toEqual([200, { vary: "accept-encoding", "content-encoding": "gzip" }]);
      this.#transport = transport;
      return {
        write: (bytes) => {
          this.#received.push(bytes.slice());
          this.sent = bytes;
          return this.#canTake;
        },
        close: () => void this.#events.push("close"),
        cut: () => void this.#events.push("cut"),
        destroy: () => undefined,
      };
    }, request)(200, {}, events);
  }

  #write(bytes: Uint8Array, events: number): void {
    if (!this.#isReady || this.#end !== undefined) return;
    this.#expected.push(bytes);
    this.#isReady = this.#sink.write(bytes, events);
  }

  read(most: number): void {
    if (this.#next >= this.#memory.frames.length || !this.#isReady || this.#end !== undefined) return;
    const [bytes, next] = this.#memory.read(this.#next, most);
    this.#write(bytes, next - this.#next);
    this.#next = next;
  }

  writeOwn(text: string): void {
    this.#write(encoder.encode(text), 0);
  }

  block(): void {
    this.#canTake = false;
  }

  unblock(): void {
    this.#canTake = true;
    this.#transport.drained();
  }

  end(how: "close" | "cut"): void {
    if (this.#end !== undefined) return;
    this.#end = how;
    if (how === "close") this.#sink.close();
    else this.#sink.cut("test");
  }

  get sizes(): { plain: number; compressed: number } {
    const size = (parts: readonly Uint8Array[]): number => parts.reduce((sum, { length }) => sum + length, 0);
    return { plain: size(this.#expected), compressed: size(this.#received) };
  }

  check(): void {
    this.unblock();
    const compressed = Buffer.concat(this.#received);
    const expected = Buffer.concat(this.#expected);
    if (this.#end === "close") {
      expect(this.#events).toEqual(["close"]);
      // Also checks the checksum and the size.
      expect(gunzipSync(compressed).equals(expected)).toBe(true);
    } else if (expected.length > 0) {
      expect(gunzipSync(compressed, { finishFlush: constants.Z_SYNC_FLUSH }).equals(expected)).toBe(true);
      if (this.#end === "cut") expect(() => gunzipSync(compressed)).toThrow("unexpected end of file");
    }
  }
}

const frame = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.nat(300).map((n) => `id: a.${n}\ndata: {"token":"word ${n % 7}","done":false}\n\n`),
  },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 200 }) },
  { weight: 1, arbitrary: fc.nat(5_000).map((n) => "x".repeat(n + 1)) },
);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("push" as const), frame }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("read" as const), who: fc.nat(4), most: fc.nat({ max: 9 }) }),
  },
  { weight: 6, arbitrary: fc.constant({ do: "read all" as const }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("own" as const), who: fc.nat(4), text: fc.string() }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom("block", "unblock", "close", "cut"), who: fc.nat(4) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("join" as const), who: fc.nat(4), from: fc.nat(50) }) },
);

test("every client reads its bytes, whatever the others do", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300, size: "max" }), (steps) => {
      const memory = new Memory();
      const clients = Array.from({ length: 5 }, () => new Client(memory, 0));
      for (const { do: action, ...args } of steps) {
        const { who = 0, from = 0, most = 0, frame: pushed = "", text = "" } = args as Record<string, never>;
        const client = clients[who] as Client;
        if (action === "push") memory.add(pushed || "\n");
        if (action === "read") client.read(most + 1);
        if (action === "read all") for (const each of clients) each.read(Infinity);
        if (action === "own") client.writeOwn(text);
        if (action === "block") client.block();
        if (action === "unblock") client.unblock();
        if (action === "close" || action === "cut") client.end(action);
        if (action === "join") {
          client.check();
          clients[who] = new Client(memory, from);
        }
      }
      for (const client of clients) client.check();
    }),
    { numRuns: Number(process.env["HOLDFAST_RUNS"] ?? 60) },
  );
});

const WORDS =
  "once upon a time there was a stream that nobody could follow to its end because it never had one".split(
    " ",
  );
const token = (index: number): string =>
  `id: k3jd8fjw0a.${index}\ndata: {"type":"text-delta","id":"txt-0","delta":" ${WORDS[(index * index) % 20]}"}\n\n`;

test("clients that are level get the very same block, also those that join later or had bytes of their own", () => {
  const memory = new Memory();
  const join = (from: number): Client => {
    const client = new Client(memory, from);
    client.writeOwn(":\n\n");
    return client;
  };
  const clients = Array.from({ length: 20 }, () => join(0));
  let shared = 0;
  for (let index = 0; index < 1_000; index++) {
    memory.add(token(index));
    if (index % 50 === 0) clients[index % 20]?.writeOwn(":\n\n");
    if (index % 100 === 0) clients[(index / 100) % 20] = join(index);
    for (const client of clients) client.read(Infinity);
    const blocks = new Set(clients.map(({ sent }) => sent));
    // Those that are not level share one, too.
    expect(blocks.size).toBeLessThanOrEqual(3);
    if (blocks.size === 1) shared++;
  }
  expect(shared).toBeGreaterThan(100);
  for (const client of clients) client.check();
});

test("a stream of tokens takes less than a quarter of its bytes", () => {
  const memory = new Memory();
  const client = new Client(memory, 0);
  for (let index = 0; index < 1_000; index++) {
    memory.add(token(index));
    client.read(Infinity);
  }
  const { plain, compressed } = client.sizes;
  expect(compressed / plain).toBeLessThan(0.25);
  client.check();
});
