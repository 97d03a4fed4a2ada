// What clients get, and when, is tested in protocol.test.ts and examples.test.ts.

import { expect, test } from "vitest";
import { HoldfastError } from "../../src/base/errors.ts";
import {
  concatFrames,
  type Control,
  type ControlEvent,
  drainFrame,
  endFrame,
  errorFrame,
  liveFrame,
  openFrame,
  resetFrame,
  retryFrame,
} from "../../src/protocol/control-events.ts";
import type { SseEvent } from "../../src/protocol/event.ts";

const error = new HoldfastError("LIMIT_EXCEEDED", "Busy.", { retryable: true, retryAfter: 7_000 });
const open = { state: "live", first: 1, last: 3, heartbeat: 15_000 } as const;
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

interface Case {
  readonly name: string;
  readonly make: (control: Control) => Uint8Array;
  /** With control events. */
  readonly full: string;
  /** Without them. */
  readonly fields: string;
  /** With a function in the place of the option, which returns the event's name and data as one text. */
  readonly replaced: string;
}

const cases: Case[] = [
  {
    name: "stream.open",
    make: (control) => openFrame(open, "aaaaaaaaaa.0", 1_500, control),
    full: 'event: stream.open\nid: aaaaaaaaaa.0\nretry: 1500\ndata: {"state":"live","first":1,"last":3,"heartbeat":15000}\n\n',
    fields: "id: aaaaaaaaaa.0\nretry: 1500\n\n",
    replaced: "event: control\nid: aaaaaaaaaa.0\nretry: 1500\ndata: stream.open live\n\n",
  },
  {
    name: "stream.open without an id",
    make: (control) =>
      openFrame({ ...open, state: "waiting", first: null, last: null }, undefined, 1_500, control),
    full: 'event: stream.open\nretry: 1500\ndata: {"state":"waiting","first":null,"last":null,"heartbeat":15000}\n\n',
    fields: "retry: 1500\n\n",
    replaced: "event: control\nretry: 1500\ndata: stream.open waiting\n\n",
  },
  {
    name: "stream.live",
    make: liveFrame,
    full: "event: stream.live\ndata: {}\n\n",
    fields: "",
    replaced: "event: control\ndata: stream.live\n\n",
  },
  {
    name: "stream.reset",
    make: (control) => resetFrame({ reason: "trimmed", lost: [2, 5] }, "aaaaaaaaaa.5", control).bytes,
    full: 'event: stream.reset\nid: aaaaaaaaaa.5\ndata: {"reason":"trimmed","lost":[2,5]}\n\n',
    fields: "id: aaaaaaaaaa.5\n\n",
    replaced: "event: control\nid: aaaaaaaaaa.5\ndata: stream.reset trimmed\n\n",
  },
  {
    name: "stream.error with a retry time",
    make: (control) => errorFrame(error, control),
    full: 'event: stream.error\nretry: 7000\ndata: {"code":"LIMIT_EXCEEDED","message":"Busy.","retryable":true,"retryAfter":7000}\n\n',
    fields: "retry: 7000\n\n",
    replaced: "event: control\nretry: 7000\ndata: stream.error LIMIT_EXCEEDED\n\n",
  },
  {
    name: "stream.error without one",
    make: (control) => errorFrame(new HoldfastError("GONE", "row 7", { expose: false }), control),
    full: 'event: stream.error\ndata: {"code":"GONE","message":"The stream failed.","retryable":false}\n\n',
    fields: "",
    replaced: "event: control\ndata: stream.error GONE\n\n",
  },
  {
    name: "stream.drain",
    make: (control) => drainFrame("shutdown", 1_500, control),
    full: 'event: stream.drain\nretry: 1500\ndata: {"reason":"shutdown"}\n\n',
    fields: "retry: 1500\n\n",
    replaced: "event: control\nretry: 1500\ndata: stream.drain shutdown\n\n",
  },
  {
    name: "stream.end",
    make: (control) => endFrame("done", "aaaaaaaaaa.4.end", undefined, control),
    full: 'event: stream.end\nid: aaaaaaaaaa.4.end\ndata: {"status":"done"}\n\n',
    fields: "id: aaaaaaaaaa.4.end\n\n",
    replaced: "event: control\nid: aaaaaaaaaa.4.end\ndata: stream.end done\n\n",
  },
  {
    name: "stream.end after its error, which is not retryable and has no retry time",
    make: (control) => endFrame("failed", "aaaaaaaaaa.4.end", error, control),
    full:
      'event: stream.error\ndata: {"code":"LIMIT_EXCEEDED","message":"Busy.","retryable":false}\n\n' +
      'event: stream.end\nid: aaaaaaaaaa.4.end\ndata: {"status":"failed"}\n\n',
    fields: "id: aaaaaaaaaa.4.end\n\n",
    replaced:
      "event: control\ndata: stream.error LIMIT_EXCEEDED\n\n" +
      "event: control\nid: aaaaaaaaaa.4.end\ndata: stream.end failed\n\n",
  },
];

test.each(cases)("$name goes out with its event", ({ make, full }) => {
  expect(text(make(true))).toBe(full);
});

test.each(cases)(
  "$name: without control events only its id and its retry time go out",
  ({ make, fields }) => {
    expect(text(make(false))).toBe(fields);
    expect(text(make(() => undefined))).toBe(fields);
  },
);

test.each(cases)("$name: what a function returns goes out with its id and its retry time", (example) => {
  const describeEvent = ({ event, data }: ControlEvent): SseEvent => ({
    event: "control",
    data: [event, ...Object.values(data).slice(0, 1)].join(" "),
  });
  expect(text(example.make(describeEvent))).toBe(example.replaced);
});

test.each<[string, unknown]>([
  ["an id", { data: 1, id: "1" }],
  ["a retry time", { data: 1, retry: 1 }],
  ["a name of two lines", { event: "a\nb" }],
  ["data that JSON cannot represent", { data: 1n }],
  ["text", "[DONE]"],
  ["null", null],
])("a function that returns %s throws INVALID_EVENT", (_name, returned) => {
  expect(() => endFrame("done", "aaaaaaaaaa.4.end", undefined, () => returned as SseEvent)).toThrow(
    expect.objectContaining({ code: "INVALID_EVENT" }),
  );
});

test("a reset says whether the client can notice it", () => {
  const reset = { reason: "epoch", lost: null } as const;
  expect(resetFrame(reset, undefined, true).isDispatched).toBe(true);
  expect(resetFrame(reset, undefined, false).isDispatched).toBe(false);
  expect(resetFrame(reset, undefined, () => undefined).isDispatched).toBe(false);
  expect(resetFrame(reset, undefined, () => ({ data: "again" })).isDispatched).toBe(true);
});

test("a retry frame has a retry time and no event", () => {
  expect(text(retryFrame(1_500))).toBe("retry: 1500\n\n");
});

test("frames are joined in order, and a single one is not copied", () => {
  const frames = [Uint8Array.of(1), new Uint8Array(), Uint8Array.of(2, 3)];
  expect(concatFrames(frames)).toEqual(Uint8Array.of(1, 2, 3));
  expect(concatFrames([])).toEqual(new Uint8Array());
  const single = Uint8Array.of(4);
  expect(concatFrames([single])).toBe(single);
});

test.each([15_000, 0.5, Infinity])(
  "`stream.open` has the bytes that a function gives that returns it as it is: a heartbeat of %s ms",
  (heartbeat) => {
    for (const [first, id] of [
      [null, undefined],
      [1, "aaaaaaaaaa.0"],
    ] as const) {
      const data = { state: "live", first, last: first, heartbeat } as const;
      const open = (control: Control): Uint8Array => openFrame(data, id, 1_500, control);
      expect(open(true)).toEqual(open((event) => event));
    }
  },
);
