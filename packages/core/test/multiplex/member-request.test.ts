import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MAX_BODY, MAX_MEMBERS, parseRequest } from "../../src/multiplex/member-request.ts";
import { MUX } from "../support/multiplex-client.ts";

const url = (query: string): string => `/live?${query}`;
const parse = (query: string, body?: unknown, lastEventId?: string) =>
  parseRequest(url(query), body, lastEventId);
/** The members as `name` or `name@cursor`. */
const membersOf = (query: string, body?: unknown, lastEventId?: string): unknown => {
  const parsed = parse(query, body, lastEventId);
  if (typeof parsed === "string") return parsed;
  return parsed.members.map(({ name, cursor }) => [name, cursor]);
};

test("a name ends at the last `@`, and an empty cursor is none", () => {
  const query = `mux=${MUX}&on=a&on=b@x.1&on=c%40d%40x.2&on=anna%40example.com@&on=@x.3`;
  expect(membersOf(query)).toEqual([
    ["a", undefined],
    ["b", "x.1"],
    ["c@d", "x.2"],
    ["anna@example.com", undefined],
    ["", "x.3"],
  ]);
});

describe("a request that is refused", () => {
  const many = (count: number): string =>
    Array.from({ length: count }, (_, index) => `on=m${index}`).join("&");

  test.each([
    ["no member", `mux=${MUX}`, "There must be a member"],
    ["no query", "", "There must be a member"],
    ["several members without `mux`", "on=a&on=b", "Several members need `mux=<name>`"],
    ["an empty `mux`", "mux=&on=a&on=b", "Several members need `mux=<name>`"],
    ["the same member twice", `mux=${MUX}&on=a&on=a@x.1`, "A member is there twice"],
    ["names that are the same when decoded", `mux=${MUX}&on=%61&on=a`, "A member is there twice"],
    ["257 members", `mux=${MUX}&${many(MAX_MEMBERS + 1)}`, "There must be at most 256 members"],
    ["a long `mux`", `mux=${"x".repeat(65)}&on=a`, "`mux` must have at most 64 characters"],
  ])("%s", (_, query, message) => {
    expect(parse(query)).toContain(message);
  });

  test("a body that is too long", () => {
    expect(parse("", `mux=${MUX}&on=a${"x".repeat(MAX_BODY)}`)).toContain("The body must have at most");
  });

  test("256 members are served", () => {
    expect(parse(`mux=${MUX}&${many(MAX_MEMBERS)}`)).toMatchObject({ mux: MUX });
  });
});

describe("a body", () => {
  test.each([
    ["text", `mux=${MUX}&on=a%2Fb&on=c@x.1`],
    ["an object", { mux: MUX, on: ["a/b", "c@x.1"] }],
    ["an object whose list is an object", { mux: MUX, on: { 0: "a/b", 1: "c@x.1" } }],
    ["one without a prototype", Object.assign(Object.create(null), { mux: MUX, on: ["a/b", "c@x.1"] })],
    ["one with other values", { mux: MUX, on: ["a/b", null, 7, { toString: 1 }, "c@x.1"] }],
  ])("as %s has the members", (_, body) => {
    expect(parse("", body)).toEqual({
      mux: MUX,
      members: [
        { name: "a/b", cursor: undefined },
        { name: "c", cursor: "x.1" },
      ],
    });
  });

  test("adds to the query", () => {
    expect(membersOf("tenant=1&on=a", `mux=${MUX}&on=b`)).toEqual([
      ["a", undefined],
      ["b", undefined],
    ]);
  });
});

test("without `mux`, `Last-Event-ID` is the cursor of the only member", () => {
  expect(membersOf("on=a@x.1", undefined, "x.2")).toEqual([["a", "x.2"]]);
  expect(membersOf("on=a@x.1")).toEqual([["a", "x.1"]]);
  expect(membersOf(`mux=${MUX}&on=a@x.1`, undefined, "x.2")).toEqual([["a", "x.1"]]);
});

test("no request throws, and names come as they were sent", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (query, body) => {
      parseRequest(query, body, undefined);
      parseRequest(`https://example.com/${query}?${body}#${query}`, query, body);
    }),
  );
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.string({ unit: "grapheme", minLength: 1 }), { minLength: 1, maxLength: 9 }),
      (names) => {
        const query = new URLSearchParams({ mux: MUX });
        for (const name of names) query.append("on", `${name}@abc.1`);
        expect(membersOf(query.toString())).toEqual(names.map((name) => [name.toWellFormed(), "abc.1"]));
      },
    ),
  );
});
