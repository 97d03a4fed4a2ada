import { describe, expect, test } from "vitest";
import { continuePages, withPages } from "../../src/connection/paged-sink.ts";

const KIB = 1_024;

/** A sink over a transport that takes one write at a time. */
function openTestSink(progress?: () => number, pageBytes?: number) {
  const calls: string[] = [];
  const written: Uint8Array[] = [];
  const counts: (number | undefined)[] = [];
  let canWriteMore = false;
  const sink = withPages({
    write(bytes, events) {
      written.push(bytes);
      counts.push(events);
      return canWriteMore;
    },
    close: () => void calls.push("close"),
    cut: (reason) => void calls.push(`cut ${String(reason)}`),
    destroy: () => void calls.push("destroy"),
    ...(progress !== undefined && { progress }),
    ...(pageBytes !== undefined && { pageBytes }),
  });
  return {
    sink,
    calls,
    sizes: () => written.map(({ length }) => length),
    written,
    counts,
    drain: () => void (continuePages(sink) && calls.push("drained")),
    takeEverything: () => (canWriteMore = true),
  };
}

describe("a sink that does not say how much its transport has taken", () => {
  test("gets a large write in pages of 64 KiB, each when the one before is flushed, and without a copy", () => {
    const { sink, written, sizes, drain, calls } = openTestSink();
    const bytes = new Uint8Array(150 * KIB).map((_, index) => index);
    expect(sink.write(bytes)).toBe(false);
    expect([sizes(), sink.progress?.()]).toEqual([[64 * KIB], 0]);
    drain();
    expect([sizes(), sink.progress?.(), calls]).toEqual([[64 * KIB, 64 * KIB], 1, []]);
    drain();
    expect([sizes(), calls]).toEqual([[64 * KIB, 64 * KIB, 22 * KIB], []]);
    drain();
    expect([sink.progress?.(), calls]).toEqual([3, ["drained"]]);
    expect(Buffer.concat(written).equals(bytes)).toBe(true);
    expect(written.every(({ buffer }) => buffer === bytes.buffer)).toBe(true);
  });

  test("gets it at once if it takes everything, and a small write as it is", () => {
    const { sink, written, sizes, takeEverything } = openTestSink();
    takeEverything();
    const small = new Uint8Array(64 * KIB);
    expect([sink.write(small), sink.write(new Uint8Array(65 * KIB))]).toEqual([true, true]);
    expect(written[0]).toBe(small);
    expect(sizes()).toEqual([64 * KIB, 64 * KIB, KIB]);
  });

  test("gets the events of the write with each page, so that it knows each as memory that all readers share", () => {
    const { sink, counts, takeEverything } = openTestSink();
    takeEverything();
    sink.write(new Uint8Array(150 * KIB), 2);
    sink.write(new Uint8Array(100 * KIB));
    expect(counts).toEqual([2, 2, 2, 0, 0]);
  });

  test.each(["close", "cut"] as const)("is ended behind everything: %s", (end) => {
    const { sink, calls, drain, sizes } = openTestSink();
    sink.write(new Uint8Array(100 * KIB));
    sink[end]("over");
    sink.cut("again");
    expect([calls, sink.write(new Uint8Array(1))]).toEqual([[], false]);
    drain();
    expect(sizes()).toEqual([64 * KIB, 36 * KIB]);
    expect(calls).toEqual([end === "cut" ? "cut over" : "close"]);
  });

  test("is destroyed at once, and gets nothing more", () => {
    const { sink, calls, drain, sizes } = openTestSink();
    sink.write(new Uint8Array(100 * KIB));
    sink.close();
    sink.destroy("zombie");
    drain();
    expect(sizes()).toEqual([64 * KIB]);
    expect(calls).toEqual(["destroy", "drained"]);
  });
});

test("a sink that says it gets every write as it is", () => {
  const { sink, written } = openTestSink(() => 42);
  const bytes = new Uint8Array(1_024 * KIB);
  sink.write(bytes);
  expect([written[0] === bytes, sink.progress?.()]).toEqual([true, 42]);
});

test("a sink that says it for whole writes gets pages of its own size, and each that it flushes counts too", () => {
  const { sink, sizes, drain } = openTestSink(() => 40, 10);
  sink.write(new Uint8Array(25));
  drain();
  drain();
  expect([sizes(), sink.progress?.()]).toEqual([[10, 10, 5], 42]);
});
