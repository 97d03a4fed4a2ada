import { describe, expect, test } from "vitest";
import type { AnyEvents } from "../../src/protocol/event.ts";
import { readSnapshot, type Snapshot } from "../../src/stream/snapshot.ts";
import { parse } from "../support/parse.ts";

describe("a finished snapshot", () => {
  /** The epoch, and everything that a reader of the snapshot is sent. */
  function read(snapshot: Snapshot<AnyEvents>): {
    readonly epoch: string;
    readonly text: string;
    readonly bytes: Uint8Array[];
  } {
    const result = readSnapshot("a", snapshot);
    if (result.state !== "finished") throw new Error("The snapshot is not finished.");
    const { log } = result.stream;
    const bytes = [result.stream.endFrame(true)];
    if (log.last > 0) bytes.unshift(log.read(1, log.last, true).bytes);
    return { epoch: log.epoch, text: bytes.map((part) => new TextDecoder().decode(part)).join(""), bytes };
  }

  test("has the same ids in every process, in this and all later versions", () => {
    const events = [
      { event: "token", data: "Hello" },
      { event: "done", data: { text: "Hello" } },
    ];
    expect(read({ state: "done", events }).text).toBe(
      [
        "event: token\nid: vdp3tzqka9.1\ndata: Hello\n\n",
        'event: done\nid: vdp3tzqka9.2\ndata: {"text":"Hello"}\n\n',
        'event: stream.end\nid: vdp3tzqka9.3.end\ndata: {"status":"done"}\n\n',
      ].join(""),
    );
  });

  test("has an epoch of ten characters, and numbers from 1", () => {
    const epochs = new Set<string>();
    for (let n = 0; n < 3_000; n++) {
      const { epoch, bytes } = read({ state: "done", events: [{ data: { n } }, { data: "end" }] });
      expect(epoch).toMatch(/^[0-9a-z]{10}$/);
      expect(parse(...bytes).events.map(({ id }) => id)).toEqual([
        `${epoch}.1`,
        `${epoch}.2`,
        `${epoch}.3.end`,
      ]);
      epochs.add(epoch);
    }
    expect(epochs.size).toBe(3_000);
    // Some of 3,000 hashes are small, and must be padded.
    expect(Array.from(epochs).some((epoch) => epoch.startsWith("0"))).toBe(true);
  });

  test("has another epoch if its state, its event names, or the order or boundaries of its events differ", () => {
    const contents: Snapshot<AnyEvents>[] = [
      { state: "done", events: [] },
      { state: "failed", events: [] },
      { state: "cancelled", events: [] },
      { state: "done", events: [{ data: "a" }, { data: "b" }] },
      { state: "done", events: [{ data: "b" }, { data: "a" }] },
      { state: "done", events: [{ data: "a\nb" }] },
      { state: "done", events: [{ data: "ab" }] },
      { state: "done", events: [{ event: "x", data: "ab" }] },
      { state: "done", events: [{ data: "" }, { data: "ab" }] },
    ];
    expect(new Set(contents.map((content) => read(content).epoch)).size).toBe(contents.length);
  });

  test("may have more and larger events than a log holds", () => {
    const events = Array.from({ length: 40_000 }, (_, n) => ({ data: n }));
    events.push({ data: "x".repeat(600_000) } as never);
    const result = readSnapshot("a", { state: "done", events });
    expect(result).toMatchObject({ stream: { log: { first: 1, last: 40_001 } } });
  });

  test("ignores the ids of its events, which are those of a database", () => {
    const plain = read({ state: "done", events: [{ event: "token", data: "x" }] });
    const row = { id: "1742", event: "token", data: "x" };
    expect(read({ state: "done", events: [row] }).text).toBe(plain.text);
  });
});

describe("a running snapshot", () => {
  const AT = "0123456789.7";

  test("has an id on its last event only, even if the same object is there twice", () => {
    const event = { id: "1742", event: "state", data: 1 };
    const result = readSnapshot("a", { state: "running", at: AT, events: [event, event] });
    if (result.state !== "running" || result.prefix === undefined) throw new Error("There is no prefix.");
    const { at, log } = result.prefix;
    expect([at, log.last]).toMatchObject([{ epoch: "0123456789", seq: 7 }, 2]);
    expect(new TextDecoder().decode(log.read(1, 2).bytes)).toBe(
      `event: state\ndata: 1\n\nevent: state\nid: ${AT}\ndata: 1\n\n`,
    );
  });

  test.each([undefined, null, "", "7", "0123456789.8.end", 7])(
    "has no prefix if `at` is not the id of an event: %j",
    (at) => {
      const snapshot = { state: "running", at, events: [{ data: 1 }] } as Snapshot<AnyEvents>;
      expect(readSnapshot("a", snapshot)).toEqual({ state: "running", prefix: undefined });
    },
  );
});

test("`undefined`, and `null` as databases return it, mean that there is no such stream", () => {
  expect([undefined, null].map((snapshot) => readSnapshot("a", snapshot))).toEqual([
    { state: "gone" },
    { state: "gone" },
  ]);
});
