import { PassThrough, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { WriteStream } from "node:tty";
import { describe, expect, test, vi } from "vitest";
import { createJsonPrinter, createTextPrinter, type Printer } from "../../src/output/printer.ts";
import type { Record } from "../../src/record.ts";

const NOON = new Date(2026, 0, 1, 12, 0, 0, 7);

/** What is printed to stdout and stderr. */
async function printed(
  records: readonly Record[],
  { isTTY = false, json = false } = {},
): Promise<{ out: string; err: string }> {
  const stdout = Object.assign(new PassThrough(), { isTTY });
  const stderr = Object.assign(new PassThrough(), { isTTY });
  for (const stream of [stdout, stderr]) {
    // What decides about colours on a terminal.
    Object.assign(stream, { getColorDepth: WriteStream.prototype.getColorDepth.bind(stream as never) });
  }
  const printer = (json ? createJsonPrinter : createTextPrinter)({ stdout, stderr, now: () => NOON });
  for (const record of records) printer.print(record);
  stdout.end();
  stderr.end();
  return { out: await text(stdout), err: await text(stderr) };
}

const EVENT: Record = { type: "event", id: "7", event: "progress", data: `{"done":1}` };
const ZERO = { lost: 0, doubled: 0, backwards: 0, reused: 0, restarts: 0, resets: 0, withoutId: 0, holes: 0 };

describe("text", () => {
  test("has events on stdout, and everything else on stderr", async () => {
    const { out, err } = await printed([
      EVENT,
      { type: "event", id: undefined, event: "message", data: "one\ntwo" },
      { type: "state", status: "retrying", detail: "in 1.0 s, eof: The response ended." },
      { type: "error", message: "No." },
    ]);
    expect(out).toBe(`12:00:00.007 7 progress {"done":1}\n12:00:00.007 - message one\n    two\n`);
    expect(err).toBe("12:00:00.007 -- retrying: in 1.0 s, eof: The response ended.\n12:00:00.007 !! No.\n");
  });

  test.for([
    [{ kind: "gap", from: 5, to: 7 }, "LOST events 5 to 7: the server left them out and did not say so"],
    [{ kind: "reset", reason: "trimmed", lost: [5, 5] }, "LOST event 5 (trimmed): the server says so"],
    [{ kind: "reset", reason: "epoch", lost: null }, "START OVER (epoch): the server cannot continue here"],
    [{ kind: "double", id: "5" }, "DOUBLED 5: it has arrived before"],
    [{ kind: "backwards", id: "5", after: "7" }, "OUT OF ORDER 5: it arrived behind 7"],
    [{ kind: "reused", id: "5" }, "REUSED 5: another event had this id"],
    [
      { kind: "restart", cursor: "9" },
      "STARTED AGAIN: the client continued behind 9, the server began with the first event",
    ],
  ] as const)("says what is wrong: %o", async ([finding, line]) => {
    const { err } = await printed([{ type: "finding", ...finding }]);
    expect(err).toBe(`12:00:00.007 !! ${line}\n`);
  });

  test("sums up", async () => {
    const summary = { type: "summary", duration: 61_500, events: 1, connections: 2, cuts: 1 } as const;
    const clean = await printed([{ ...summary, ...ZERO }]);
    expect(clean.err).toBe(
      "12:00:00.007 == 1 event in 61.5 s, 2 connections, 1 cut\n12:00:00.007 == nothing lost, nothing doubled\n",
    );
    const bad = await printed([
      {
        ...summary,
        ...ZERO,
        lost: 3,
        doubled: 2,
        backwards: 1,
        restarts: 1,
        resets: 2,
        withoutId: 1,
        holes: 2,
      },
    ]);
    expect(bad.err.split("\n").slice(1, -1)).toEqual([
      "12:00:00.007 == 3 lost, 2 doubled, 1 out of order, started again once, had to start over 2 times",
      "12:00:00.007 == 1 event without an id: a loss of such events cannot be seen",
      "12:00:00.007 == 2 holes in the numbers of the ids, not counted as lost",
    ]);
  });

  test("has colours on a terminal, but not with NO_COLOR", async () => {
    vi.stubEnv("FORCE_COLOR", undefined);
    for (const name of ["CI", "NO_COLOR", "TMUX"]) vi.stubEnv(name, undefined);
    vi.stubEnv("TERM", "xterm-256color");
    expect((await printed([EVENT], { isTTY: true })).out).toContain("\u001b[36mprogress\u001b[39m");
    expect((await printed([EVENT])).out).not.toContain("\u001b");
    vi.stubEnv("NO_COLOR", "1");
    expect((await printed([EVENT], { isTTY: true })).out).not.toContain("\u001b");
  });
});

/** Clears the screen, sets the title, hides a line, and writes from right to left. */
const HOSTILE = "\u001b[2J\u001b]0;pwned\u0007\r\u009b31m\u007f\u202egnp\u2028\0\tx\uD800";

describe("what a hostile server sends", () => {
  const records: Record[] = [
    { type: "event", id: HOSTILE, event: HOSTILE, data: HOSTILE },
    { type: "event", id: "1", event: "a", data: "x\n12:00:00.007 !! LOST event 5" },
    { type: "state", status: "ended", detail: HOSTILE },
    { type: "error", message: HOSTILE },
    { type: "finding", kind: "double", id: HOSTILE },
    { type: "finding", kind: "reset", reason: HOSTILE, lost: null },
  ];

  test("reaches the terminal only as visible text", async () => {
    const { out, err } = await printed(records);
    expect(`${out}${err}`).toMatch(/^[\x20-\x7e\n]*$/);
    expect(out).toContain(
      "\\u001b[2J\\u001b]0;pwned\\u0007\\r\\u009b31m\\u007f\\u202egnp\\u2028\\u0000\\tx\\ud800",
    );
    expect(out.split("\n")).toContain("    12:00:00.007 !! LOST event 5");
    expect(err.split("\n")).toHaveLength(5);
  });

  test("is unchanged in JSON, one line for each record, and as harmless", async () => {
    const { out, err } = await printed(records, { json: true });
    expect(err).toBe("");
    expect(out).toMatch(/^[\x20-\x7e\n]*$/);
    const lines = out.trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toEqual(
      records.map((record) => ({ time: NOON.toISOString(), ...record })),
    );
  });
});

test("a slow reader of the output holds the client back", async () => {
  let release: (() => void) | undefined;
  const stdout = new Writable({
    highWaterMark: 1,
    write: (_chunk, _encoding, done) => void (release = done),
  });
  const printer: Printer = createTextPrinter({ stdout, stderr: new PassThrough() });
  await printer.flushed();
  printer.print(EVENT);
  let isFlushed = false;
  const flushed = printer.flushed().then(() => (isFlushed = true));
  await Promise.resolve();
  expect(isFlushed).toBe(false);
  release?.();
  await flushed;
});
