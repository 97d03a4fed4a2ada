// What clients get, and when, is tested in protocol.test.ts and examples.test.ts.

import { expect, test } from "vitest";
import { HoldfastError } from "../../src/base/errors.ts";
import {
  concatFrames,
  drainFrame,
  endFrame,
  errorFrame,
  fieldFrame,
  liveFrame,
  openFrame,
  resetFrame,
} from "../../src/protocol/control-events.ts";

const error = new HoldfastError("LIMIT_EXCEEDED", "Busy.", { retryable: true, retryAfter: 7_000 });
const open = { state: "live", first: 1, last: 3, heartbeat: 15_000 } as const;
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

test.each<[name: string, make: (dispatch: boolean) => Uint8Array, dispatched: string, fields: string]>([
  [
    "stream.open",
    (dispatch) => openFrame(open, "aaaaaaaaaa.0", 1_500, dispatch),
    'event: stream.open\nid: aaaaaaaaaa.0\nretry: 1500\ndata: {"state":"live","first":1,"last":3,"heartbeat":15000}\n\n',
    "id: aaaaaaaaaa.0\nretry: 1500\n\n",
  ],
  [
    "stream.open without an id",
    (dispatch) =>
      openFrame({ ...open, state: "waiting", first: null, last: null }, undefined, 1_500, dispatch),
    'event: stream.open\nretry: 1500\ndata: {"state":"waiting","first":null,"last":null,"heartbeat":15000}\n\n',
    "retry: 1500\n\n",
  ],
  ["stream.live", liveFrame, "event: stream.live\ndata: {}\n\n", ""],
  [
    "stream.reset",
    (dispatch) => resetFrame({ reason: "trimmed", lost: [2, 5] }, "aaaaaaaaaa.5", dispatch),
    'event: stream.reset\nid: aaaaaaaaaa.5\ndata: {"reason":"trimmed","lost":[2,5]}\n\n',
    "id: aaaaaaaaaa.5\n\n",
  ],
  [
    "stream.error with a retry time",
    (dispatch) => errorFrame(error, dispatch),
    'event: stream.error\nretry: 7000\ndata: {"code":"LIMIT_EXCEEDED","message":"Busy.","retryable":true,"retryAfter":7000}\n\n',
    "retry: 7000\n\n",
  ],
  [
    "stream.error without one",
    (dispatch) => errorFrame(new HoldfastError("GONE", "row 7", { expose: false }), dispatch),
    'event: stream.error\ndata: {"code":"GONE","message":"The stream failed.","retryable":false}\n\n',
    "",
  ],
  [
    "stream.drain",
    (dispatch) => drainFrame("shutdown", 1_500, dispatch),
    'event: stream.drain\nretry: 1500\ndata: {"reason":"shutdown"}\n\n',
    "retry: 1500\n\n",
  ],
  [
    "stream.end",
    (dispatch) => endFrame("done", "aaaaaaaaaa.4.end", undefined, dispatch),
    'event: stream.end\nid: aaaaaaaaaa.4.end\ndata: {"status":"done"}\n\n',
    "id: aaaaaaaaaa.4.end\n\n",
  ],
  [
    "stream.end after its error",
    (dispatch) => endFrame("failed", "aaaaaaaaaa.4.end", new HoldfastError("GONE", "Gone."), dispatch),
    'event: stream.error\ndata: {"code":"GONE","message":"Gone.","retryable":false}\n\n' +
      'event: stream.end\nid: aaaaaaaaaa.4.end\ndata: {"status":"failed"}\n\n',
    "id: aaaaaaaaaa.4.end\n\n",
  ],
])("%s, and without dispatch only its id and retry", (_name, make, dispatched, fields) => {
  expect(text(make(true))).toBe(dispatched);
  expect(text(make(false))).toBe(fields);
});

test("a field frame has one field and no event", () => {
  expect(text(fieldFrame({ retry: 1_500 }))).toBe("retry: 1500\n\n");
  expect(text(fieldFrame({ id: "aaaaaaaaaa.0.end" }))).toBe("id: aaaaaaaaaa.0.end\n\n");
});

test("frames are joined in order, and a single one is not copied", () => {
  const frames = [Uint8Array.of(1), new Uint8Array(), Uint8Array.of(2, 3)];
  expect(concatFrames(frames)).toEqual(Uint8Array.of(1, 2, 3));
  expect(concatFrames([])).toEqual(new Uint8Array());
  const single = Uint8Array.of(4);
  expect(concatFrames([single])).toBe(single);
});
