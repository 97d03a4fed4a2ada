import { expect, test } from "vitest";
import { needsQuery, toHeaderValue, withCursor } from "../../src/request/cursor-encoding.ts";

test("a header value has one character for each byte of the cursor's UTF-8", () => {
  expect(toHeaderValue("k3v9x0q2ma.7")).toBe("k3v9x0q2ma.7");
  expect(Buffer.from(toHeaderValue("žluť-€-🐎"), "latin1").toString()).toBe("žluť-€-🐎");
});

test.each([
  ["plain", false],
  ["with spaces inside", false],
  ["žluť", false],
  [" before", true],
  ["after ", true],
  ["a\tb", true],
  ["a\u{7f}", true],
])("%j needs the query: %j", (cursor, expected) => {
  expect(needsQuery(cursor)).toBe(expected);
});

test("the query parameter precedes the others, which stay as they are written", () => {
  expect(withCursor("http://server.test/a?x=1%20+2&lastEventId=old#part", "a&b")).toBe(
    "http://server.test/a?lastEventId=a%26b&x=1%20+2&lastEventId=old#part",
  );
  expect(withCursor("http://server.test/a", "7")).toBe("http://server.test/a?lastEventId=7");
});
