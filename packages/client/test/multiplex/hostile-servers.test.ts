import { expect, test } from "vitest";
import { type Multiplex, multiplex } from "../../src/index.ts";
import { createFakeServer, type FakeServer } from "../support/fake-server.ts";
import { collect, control, event, type Followed, OPEN, optionsOf } from "../support/follow.ts";
import { idOf, member, readMemberRequest } from "../support/member-server.ts";

interface Pair {
  readonly server: FakeServer;
  readonly live: Multiplex;
  readonly a: Followed;
  readonly b: Followed;
}

/** Two members, whose request waits for a response. */
async function connectTwo(maxEventSize = 4_096): Promise<Pair> {
  const server = createFakeServer();
  const live = multiplex("http://server.test/live", optionsOf(server, { maxEventSize }));
  const a = collect(live.connect("a"));
  const b = collect(live.connect("b"));
  await server.clock.advance(20);
  return { server, live, a, b };
}

const dataOf = ({ messages }: Followed): string[] => messages.map(({ data }) => data);
const good = member("a") + event("good", idOf(1));

test.each<[string, string]>([
  [
    "events before the first `stream.member`",
    event("bad", idOf(9)) + control("open", OPEN, idOf(8)) + "id: 7\n\n",
  ],
  ["events of a member that nobody asked for", member("c") + event("bad", idOf(9))],
  ["of one whose name is a property of objects", member("__proto__") + event("bad") + member("toString")],
  ["a `stream.member` that is no JSON", event("{", undefined, "stream.member") + event("bad", idOf(9))],
  ["one without a name", control("member", {}) + event("bad", idOf(9))],
  ["one that is no object", event("null", undefined, "stream.member") + event("bad", idOf(9))],
  ["one whose name is no string", control("member", { member: ["a"] }) + event("bad", idOf(9))],
  ["a drain of a member that nobody asked for", control("drain", { member: "c", reason: "busy" })],
  ["an answer for one", control("member", { member: "c", status: 403 }) + event("bad", idOf(9))],
  ["an end that is nobody's", control("end", { status: "done" }, `${idOf(9)}.end`)],
])("%s: are ignored", async (_what, text) => {
  const { a, b, server } = await connectTwo();
  server.last.open(text + good);
  await server.clock.advance(1_000);
  expect([dataOf(a), dataOf(b), server.requests]).toEqual([["good"], [], 1]);
  expect(a.connection.lastEventId).toBe(idOf(1));
  expect(b.connection.state.status).toBe("connecting");
});

test("blocks of a member after its end, its answer or its drain are ignored", async () => {
  const { a, b, server } = await connectTwo();
  server.last.open(
    member("a") +
      event("a1", idOf(1)) +
      control("end", { status: "done" }, `${idOf(2)}.end`) +
      event("bad", idOf(3)) +
      control("member", { member: "b", status: 503 }) +
      event("bad", idOf(1)) +
      member("b") +
      event("bad", idOf(1)),
  );
  await server.clock.flush();
  expect([dataOf(a), dataOf(b), a.ended]).toEqual([["a1"], [], true]);
  expect(b.connection.state).toMatchObject({ status: "retrying", reason: "unavailable" });
  expect(b.connection.lastEventId).toBe("");
});

test("blocks after a drain of the connection are ignored", async () => {
  const { a, server } = await connectTwo();
  server.last.open(
    good + control("drain", { reason: "busy" }) + event("bad", idOf(2)) + member("a") + event("bad"),
  );
  await server.clock.flush();
  expect([dataOf(a), a.connection.lastEventId]).toEqual([["good"], idOf(1)]);
  expect(a.connection.state).toMatchObject({ status: "retrying", reason: "busy" });
});

test.each([200, 100, -1, "x", null, {}])("the answer %j is a loss like another", async (status) => {
  const { a, b, server } = await connectTwo();
  server.last.open(control("member", { member: "b", status, retryAfter: "soon" }) + good);
  await server.clock.flush();
  expect(dataOf(a)).toEqual(["good"]);
  expect(["retrying", "closed"]).toContain(b.connection.state.status);
});

test("a `retryAfter` cannot make the client hurry, or wait for ever", async () => {
  for (const [retryAfter, delay] of [
    [-1e9, 500],
    [1e-9, 500],
    [1e300, 132_000],
  ] as const) {
    const { b, live, server } = await connectTwo();
    server.last.open(control("member", { member: "b", status: 503, retryAfter }) + good);
    await server.clock.flush();
    expect(b.connection.state).toMatchObject({ status: "retrying", delay });
    live.close();
  }
});

test.each([
  ["a line without an end", `data: ${"x".repeat(5_000)}`],
  ["an event over the limit", event("x".repeat(5_000))],
  ["an event of many lines", "data: x\n".repeat(4_000)],
])("%s costs only the member whose it is", async (_what, text) => {
  const { a, b, server } = await connectTwo();
  server.last.open(member("b") + event("b1", idOf(1)) + member("a") + event("a1", idOf(1)));
  await server.clock.flush();
  server.last.send(member("b") + text);
  await server.clock.advance(0);
  expect(b.ended).toMatchObject({ reason: "too-large" });
  expect(server.requests).toBe(2);
  expect([...readMemberRequest(server.last).members]).toEqual([["a", idOf(1)]]);
  server.last.open(member("a") + event("a2", idOf(2)));
  await server.clock.flush();
  expect([dataOf(a), dataOf(b)]).toEqual([["a1", "a2"], ["b1"]]);
});

test("a line without an end, which is nobody's, is fatal", async () => {
  const { a, b, server } = await connectTwo();
  server.last.open(`:${"x".repeat(5_000)}`);
  await server.clock.flush();
  for (const { ended } of [a, b]) expect(ended).toMatchObject({ reason: "too-large" });
});

test("a response that ends as soon as it has begun is asked for less and less often", async () => {
  const { server } = await connectTwo();
  const respond = (): void => server.last.open(member("a") + control("open", OPEN)).end();
  server.onRequest = () => queueMicrotask(respond);
  respond();
  await server.clock.advance(60_000);
  expect(server.requests).toBeLessThan(12);
});

test("a member without an end whose consumer is slow does not grow, or cost the others anything", async () => {
  const { b, live, server } = await connectTwo(1_000_000);
  const slow = live.connect("slow");
  await server.clock.advance(20);
  server.last.open();
  for (let index = 1; index <= 2_000; index++) {
    server.last.send(
      member("slow") + event("x".repeat(1_000), idOf(index)) + member("b") + event(String(index)),
    );
    if (index % 100 === 0) await server.clock.flush();
  }
  await server.clock.advance(20);
  expect(dataOf(b)).toHaveLength(2_000);
  expect([...readMemberRequest(server.last).members.keys()]).toEqual(["a", "b"]);
  let taken = 0;
  for await (const _message of slow) if (++taken === 200) break;
  expect(server.requests).toBe(3);
});
