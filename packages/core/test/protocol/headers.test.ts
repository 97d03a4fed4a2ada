import fc from "fast-check";
import { expect, test } from "vitest";
import { NO_STREAM_HEADERS, readCursor, STREAM_HEADERS } from "../../src/protocol/headers.ts";
import { anyText } from "../support/text.ts";

test("the headers are those of the protocol, without `connection:`, which HTTP/2 does not allow", () => {
  expect(STREAM_HEADERS).toEqual({
    "content-type": "text/event-stream",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
  });
  expect(NO_STREAM_HEADERS).toEqual({ "cache-control": "no-store" });
});

test.each([
  ["abc", "/stream?lastEventId=xyz", "abc"],
  ["abc", "/stream", "abc"],
  ["", "/stream?lastEventId=xyz", "xyz"],
  [null, "/stream?lastEventId=xyz", "xyz"],
  [undefined, "https://example.com/stream?a=1&lastEventId=x%20y%2Bz", "x y+z"],
  [undefined, "?lastEventId=xyz#part", "xyz"],
  [undefined, "/stream?lastEventId=", undefined],
  [undefined, "/stream?lasteventid=xyz", undefined],
  [undefined, "/stream#?lastEventId=xyz", undefined],
  [undefined, "/stream", undefined],
  ["", "", undefined],
])("header %j and URL %j give the cursor %j", (header, url, cursor) => {
  expect(readCursor(header, url)).toBe(cursor);
});

test("any id is read from the bytes of the header, and from the query", () => {
  fc.assert(
    fc.property(
      anyText.filter((id) => id !== ""),
      (id) => {
        const bytes = Buffer.from(id, "utf8").toString("latin1");
        expect(readCursor(bytes, "/")).toBe(id);
        expect(readCursor(undefined, `/?${new URLSearchParams({ lastEventId: id }).toString()}`)).toBe(id);
      },
    ),
  );
});

test("a header that is already decoded, or is not UTF-8, stays unchanged", () => {
  for (const header of ["日本", "Ã© Ł", "caf\u00e9", "\u00ff\u00fe"]) {
    expect(readCursor(header, "/")).toBe(header);
  }
});

test("it never throws, whatever the header and the URL", () => {
  fc.assert(
    fc.property(anyText, fc.string(), (header, url) => {
      readCursor(header, url);
    }),
  );
});
