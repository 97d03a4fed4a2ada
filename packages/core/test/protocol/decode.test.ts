import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeFrames } from "../../src/protocol/decode.ts";
import { encodeEvent } from "../../src/protocol/encode.ts";
import { parse } from "../support/parse.ts";
import { anyLine, anyText } from "../support/text.ts";

const anyEvent = fc
  .record(
    {
      comment: anyText,
      event: anyLine.filter((name) => !name.startsWith("stream.")),
      id: anyLine,
      retry: fc.nat(),
      data: fc.oneof(anyText, fc.jsonValue()),
    },
    { requiredKeys: [] },
  )
  .filter((event) => Object.keys(event).length > 0);

test("frames are decoded as a client parses them", () => {
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 5 }), (events) => {
      const bytes = Buffer.concat(events.map(encodeEvent));
      expect(decodeFrames(bytes)).toEqual(parse(bytes).events);
    }),
    { numRuns: 500 },
  );
});

test("no bytes are no frames", () => {
  expect(decodeFrames(new Uint8Array())).toEqual([]);
});
