import { expect, test } from "vitest";
import { multiplex } from "../../src/index.ts";
import { createFakeServer } from "../support/fake-server.ts";
import { collect, control, event, OPEN, optionsOf } from "../support/follow.ts";
import { member, MemberServer, readMemberRequest } from "../support/member-server.ts";

const KIB = 1_024;
const URL_OF_ALL = "http://server.test/live";

test("of a member that nobody reads, 256 KiB wait; it gets everything later, and the others do not wait", async () => {
  const server = createFakeServer();
  const members = new MemberServer(server);
  members.open("slow");
  members.open("quick");
  const live = multiplex(URL_OF_ALL, optionsOf(server, {}));
  const slow = live.connect("slow");
  const quick = collect(live.connect("quick"));
  await server.clock.advance(20);
  const expected: string[] = [];
  for (let index = 0; index < 300; index++) {
    const data = String(index).padEnd(KIB);
    expected.push(data);
    members.push("slow", data);
    members.push("quick", String(index));
    await server.clock.flush();
    if (index % 10 === 0) await server.clock.advance(20);
  }
  await server.clock.advance(20);
  expect(quick.messages.map(({ data }) => Number(data))).toEqual(expected.map((_, index) => index));
  const asked = members.requests.map((request) => [...request.members.keys()]);
  expect(asked).toEqual([["slow", "quick"], ["quick"]]);

  const got: string[] = [];
  const takeAll = async (): Promise<void> => {
    for await (const { data } of slow) got.push(data);
  };
  void takeAll();
  await server.clock.advance(20);
  expect(got).toEqual(expected);
  const last = members.requests.at(-1);
  expect([...(last?.members.keys() ?? [])].toSorted()).toEqual(["quick", "slow"]);
  const resumedAfter = Number(last?.members.get("slow")?.split(".")[1]);
  // What waited, with what each event costs beside its data.
  expect(resumedAfter).toBeGreaterThan(200);
  expect(resumedAfter).toBeLessThan(257);
  live.close();
});

test("one that is read in time is not let go", async () => {
  const server = createFakeServer();
  const members = new MemberServer(server);
  members.open("a");
  const live = multiplex(URL_OF_ALL, optionsOf(server, {}));
  const { messages } = collect(live.connect("a"));
  await server.clock.advance(20);
  for (let index = 0; index < 300; index++) {
    members.push("a", "x".repeat(4 * KIB));
    await server.clock.advance(1);
  }
  expect([messages.length, server.requests]).toEqual([300, 1]);
  live.close();
});

test("one that is let go and comes back at once is asked for again", async () => {
  const server = createFakeServer();
  const members = new MemberServer(server);
  members.open("a");
  members.open("b");
  const live = multiplex(URL_OF_ALL, optionsOf(server, {}));
  const a = collect(live.connect("a"));
  collect(live.connect("b"));
  await server.clock.advance(20);
  members.push("a", "x".repeat(300 * KIB), "y");
  await server.clock.flush();
  members.push("a", "z");
  await server.clock.advance(20);
  expect(a.messages.map(({ data }) => data[0])).toEqual(["x", "y", "z"]);
  expect(server.requests).toBe(2);
});

test("a snapshot, which cannot be resumed, may be larger", async () => {
  const server = createFakeServer();
  const live = multiplex(URL_OF_ALL, optionsOf(server, { maxEventSize: 600 * KIB }));
  const resets: unknown[] = [];
  const a = live.connect("a", { onReset: (reset) => resets.push(reset) });
  collect(live.connect("b"));
  await server.clock.advance(20);
  server.last.open(member("a") + control("open", OPEN));
  for (let index = 0; index < 5; index++) {
    server.last.send(event("x".repeat(100 * KIB)));
    await server.clock.flush();
  }
  await server.clock.advance(20);
  expect(server.requests).toBe(1);
  // Over this it is let go, too, and begins again, which its consumer is told.
  server.last.send(event("y".repeat(101 * KIB)));
  await server.clock.advance(20);
  expect([...readMemberRequest(server.last).members.keys()]).toEqual(["b"]);
  server.last.open();
  let taken = 0;
  while (taken < 6) {
    await a.next();
    taken++;
  }
  const next = a.next();
  await server.clock.advance(20);
  expect(readMemberRequest(server.last).members.get("a")).toBe("");
  server.last.open(member("a") + control("open", OPEN) + event("x"));
  expect((await next).value?.data).toBe("x");
  expect(resets).toEqual([{ reason: "incomplete", lost: null }]);
  live.close();
});
