import { expect, test } from "vitest";
import { createName, withMembers } from "../../src/multiplex/member-request.ts";

const request = (url: string, members: readonly (readonly [string, string])[]) =>
  withMembers([url, { method: "GET" }], "name", members);

test("a name has 22 characters that need no encoding, and is another one each time", () => {
  const names = new Set(Array.from({ length: 500 }, createName));
  expect(names.size).toBe(500);
  for (const name of names) expect(name).toMatch(/^[A-Za-z0-9_-]{22}$/);
});

test("members and cursors are parameters behind those of the URL, which stay as they are written", () => {
  expect(request("http://a/live", [["b", ""]])).toEqual(["http://a/live?mux=name&on=b", { method: "GET" }]);
  expect(request("http://a/live?x=%7e+1#top", [["b/c", "e.7"]])[0]).toBe(
    "http://a/live?x=%7e+1&mux=name&on=b%2Fc%40e.7#top",
  );
});

test("a URL of 4,096 characters is sent by GET, a longer one as a form", () => {
  const base = "http://a/live?mux=name&on=";
  const fits = request("http://a/live", [["x".repeat(4_096 - base.length), ""]]);
  expect([fits[0].length, fits[1].method]).toEqual([4_096, "GET"]);
  const [url, { body, method }] = request("http://a/live", [["x".repeat(4_097 - base.length), ""]]);
  expect([url, method, (body as URLSearchParams).toString().length]).toEqual([
    "http://a/live",
    "POST",
    4_097 - "http://a/live?".length,
  ]);
});
