// What may go wrong between tabs, one thing after the other. Random orders of it: histories.test.ts.

import type { FakeClock } from "@holdfast/core/testing";
import { expect, test } from "vitest";
import type { StreamReset } from "../../src/index.ts";
import { holdLock, type TabApis } from "../../src/tabs/tab-apis.ts";
import { collect, control, event, type Followed, OPEN } from "../support/follow.ts";
import { idOf, member } from "../support/member-server.ts";
import { createTabWorld, dataOf, type Tab } from "../support/tabs.ts";

/** A clock of one tab, which can be set. */
function ownClock(clock: FakeClock): { now: () => number; after: FakeClock["after"]; offset: number } {
  const own = {
    offset: 0,
    now: () => clock.now() + own.offset,
    after: (ms: number, callback: () => void) => clock.after(ms, callback),
  };
  return own;
}

test("what was thrown reaches nobody but its own tab: it may be something that cannot be cloned", async () => {
  const { close, members, openTab, server } = createTabWorld("a");
  let isBroken = true;
  const headers = (): Record<string, string> => {
    if (isBroken) throw Object.assign(new Error("no token"), { retry: () => undefined });
    return {};
  };
  const [first, second] = [openTab({ headers }), openTab({ headers })];
  const [one, two] = [first, second].map(({ live }) => collect(live.connect("a"))) as [Followed, Followed];
  await server.clock.advance(200);
  expect(one.connection.state).toMatchObject({ status: "retrying", cause: { message: "no token" } });
  expect(two.connection.state).toMatchObject({ status: "retrying", reason: "request", cause: undefined });
  isBroken = false;
  members.push("a", "a1");
  await server.clock.advance(5_000);
  expect([one, two].map(dataOf)).toEqual([["a1"], ["a1"]]);
  await close();
});

test("more members than a connection takes are read by the tabs that want them", async () => {
  const names = Array.from({ length: 300 }, (_, index) => `m${index}`);
  const { close, members, openTab, server } = createTabWorld(...names);
  const [first, second] = [openTab(), openTab()];
  const followed = [
    ...names.slice(0, 150).map((name) => collect(first.live.connect(name))),
    ...names.slice(150).map((name) => collect(second.live.connect(name))),
  ];
  await server.clock.advance(200);
  for (const name of names) members.push(name, name);
  await server.clock.advance(200);
  expect(followed.map(dataOf)).toEqual(names.map((name) => [name]));
  expect(Math.max(...members.requests.map((request) => request.members.size))).toBe(256);
  expect(members.connections).toBe(2);
  await close();
});

test("a tab that comes back from the cache while it waited for a sign of life judges again", async () => {
  const { close, members, openTab, server } = createTabWorld("a");
  const [leader, follower] = [openTab(), openTab()];
  collect(leader.live.connect("a"));
  await server.clock.advance(100);
  const followed = collect(follower.live.connect("a"));
  await server.clock.advance(900);
  leader.tab.freeze();
  await server.clock.advance(500);
  follower.tab.suspend();
  await server.clock.advance(100);
  follower.tab.resume();
  members.push("a", "a1");
  await server.clock.advance(4_000);
  expect([follower.live.role, dataOf(followed)]).toEqual(["leader", ["a1"]]);
  leader.tab.thaw();
  await close();
});

test("a lock that is given back while it is granted is free", async () => {
  const holder = new AbortController();
  const apis: Pick<TabApis, "request"> = { request: (_name, _options, hold) => hold() };
  await holdLock(apis, "a", holder.signal, () => holder.abort());
  expect(holder.signal.aborted).toBe(true);
});

test("when two tabs steal at the same time, those that can only listen follow the one that has the lock", async () => {
  const { close, members, openTab, server } = createTabWorld("a");
  const tabs = Array.from({ length: 4 }, () => openTab());
  const followed = tabs.map(({ live }) => collect(live.connect("a")));
  await server.clock.advance(100);
  const [leader, , , hidden] = tabs as [Tab, Tab, Tab, Tab];
  hidden.tab.isVisible = false;
  leader.tab.freeze();
  await server.clock.advance(4_000);
  members.push("a", "a1");
  await server.clock.advance(100);
  expect(followed.slice(1).map(dataOf)).toEqual(Array(3).fill(["a1"]));
  leader.tab.thaw();
  await server.clock.advance(200);
  expect([followed.map(dataOf), members.connections]).toEqual([Array(4).fill(["a1"]), 1]);
  await close();
});

test("a clock that was set back makes nobody deaf: a leader with a low term gives way", async () => {
  const { close, members, openTab, server } = createTabWorld("a");
  const clock = ownClock(server.clock);
  clock.offset = -1_000_000;
  const [leader, hidden] = [openTab(), openTab()];
  const tabs = [leader, hidden];
  const followed = tabs.map(({ live }) => collect(live.connect("a")));
  await server.clock.advance(100);
  hidden.tab.isVisible = false;
  leader.tab.freeze();
  await server.clock.advance(100);
  // It has not heard of any term, and steals.
  const late = openTab({ clock });
  followed.push(collect(late.live.connect("a")));
  await server.clock.advance(4_000);
  members.push("a", "a1");
  await server.clock.advance(100);
  expect(followed.slice(1).map(dataOf)).toEqual([["a1"], ["a1"]]);
  expect(members.connections).toBe(1);
  leader.tab.thaw();
  await close();
});

test("a tab that did not run itself does not judge the leader", async () => {
  const { close, openTab, server } = createTabWorld("a");
  const clock = ownClock(server.clock);
  const [leader, follower] = [openTab(), openTab({ clock })];
  for (const { live } of [leader, follower]) collect(live.connect("a"));
  await server.clock.advance(1_000);
  // It asks for a sign of life, is blocked for 10 s, and sees the end of its timer before the answer.
  follower.tab.freeze();
  await server.clock.advance(1_000);
  clock.offset = 10_000;
  await server.clock.advance(1_000);
  follower.tab.thaw();
  await server.clock.advance(100);
  expect([leader.live.role, follower.live.role]).toEqual(["leader", "follower"]);
  await close();
});

test("a snapshot that is cut off comes again, for every tab, and each event without an id once", async () => {
  const { close, members, openTab, server } = createTabWorld();
  let count = 2;
  members.scripts.set("a", (_cursor, send) => {
    send(control("open", OPEN));
    for (let index = 1; index <= count; index++) send(event(`s${index}`, index === 3 ? idOf(7) : undefined));
  });
  const resets: StreamReset[][] = [[], [], []];
  const followed: Followed[] = [];
  const tabs = resets.map(() => openTab());
  for (const [index, { live }] of tabs.entries()) {
    followed.push(collect(live.connect("a", { onReset: (reset) => resets[index]?.push(reset) })));
  }
  // All have joined before the server answers.
  await server.clock.advance(100);
  const got = followed.map(dataOf);
  count = 3;
  members.cut();
  await server.clock.advance(5_000);
  for (const [index, each] of followed.entries()) {
    expect(dataOf(each)).toEqual([...(got[index] ?? []), "s1", "s2", "s3"]);
    const isPartial = (got[index] ?? []).length > 0;
    expect(resets[index]).toEqual(isPartial ? [{ reason: "incomplete", lost: null }] : []);
  }
  expect(got[0]).toEqual(["s1", "s2"]);
  expect(members.connections).toBe(1);
  await close();
});

test("a new tab begins where the server lets it begin, not where the leader did", async () => {
  const { close, members, openTab, server } = createTabWorld();
  const sent: string[] = [];
  const senders = new Set<(block: string) => void>();
  members.scripts.set("a", (cursor, send) => {
    const from = cursor === "" ? sent.length : Number(cursor.split(".")[1]);
    send(control("open", OPEN, idOf(from)));
    sent.slice(from).forEach((data, index) => send(event(data, idOf(from + index + 1))));
    send(control("live", {}));
    senders.add(send);
  });
  const push = (data: string): void => {
    sent.push(data);
    for (const send of senders) send(event(data, idOf(sent.length)));
  };
  const first = collect(openTab().live.connect("a"));
  await server.clock.advance(100);
  push("a1");
  await server.clock.advance(100);
  const second = collect(openTab().live.connect("a"));
  await server.clock.advance(200);
  push("a2");
  await server.clock.advance(100);
  expect([first, second].map(dataOf)).toEqual([["a1", "a2"], ["a2"]]);
  expect(members.connections).toBe(1);
  await close();
});

test("many tabs wait for a stream on one connection", async () => {
  const { close, members, openTab, server } = createTabWorld();
  members.scripts.set("a", (_cursor, send) => send(control("open", { ...OPEN, state: "waiting" })));
  const followed: Followed[] = [];
  for (let count = 0; count < 3; count++) {
    followed.push(collect(openTab().live.connect("a")));
    await server.clock.advance(200);
  }
  expect(followed.map(({ connection }) => connection.state.status)).toEqual(Array(3).fill("waiting"));
  expect(members.connections).toBe(1);
  members.scripts.clear();
  members.open("a");
  members.push("a", "a1");
  members.cut();
  await server.clock.advance(5_000);
  expect(followed.map(dataOf)).toEqual(Array(3).fill(["a1"]));
  await close();
});

test("the leader expects heartbeats as often as the server announces them", async () => {
  const { close, members, openTab, server } = createTabWorld();
  members.scripts.set("a", (cursor, send) =>
    send(control("open", { ...OPEN, heartbeat: 60_000 }, cursor || idOf(0))),
  );
  collect(openTab().live.connect("a"));
  await server.clock.advance(120_000);
  expect(members.requests.length).toBe(1);
  await close();
});

test("a stream that is over is over in every tab", async () => {
  const { close, members, openTab, server } = createTabWorld("a");
  members.push("a", "a1");
  members.end("a");
  const tabs = [openTab(), openTab()];
  const lastEventId = `${idOf(2)}.end`;
  const followed = tabs.map(({ live }) => collect(live.connect("a", { lastEventId })));
  await server.clock.advance(500);
  expect(followed.map(({ ended }) => ended)).toEqual([true, true]);
  await close();
});

test("an event that is too large fails its member in every tab", async () => {
  const { close, members, openTab, server } = createTabWorld("a");
  const tabs = [openTab({ maxEventSize: 200 }), openTab({ maxEventSize: 200 })];
  const followed = tabs.map(({ live }) => collect(live.connect("a")));
  await server.clock.advance(100);
  members.push("a", "x".repeat(1_000));
  await server.clock.advance(500);
  expect(followed.map(({ ended }) => (ended as { reason?: string } | undefined)?.reason)).toEqual([
    "too-large",
    "too-large",
  ]);
  await close();
});

test("what came before the server's answer is delivered before it", async () => {
  const { close, openTab, server } = createTabWorld("a");
  const tabs = [openTab(), openTab()];
  const followed = tabs.map(({ live }) => collect(live.connect("a")));
  await server.clock.advance(200);
  server.last.send(event("a1", idOf(1)) + member("a", { status: 403 }));
  await server.clock.advance(200);
  expect(followed.map(dataOf)).toEqual([["a1"], ["a1"]]);
  expect(followed.map(({ ended }) => (ended as { reason?: string } | undefined)?.reason)).toEqual([
    "unauthorized",
    "unauthorized",
  ]);
  await close();
});

test("a tab that joins where the leader is, is up to date", async () => {
  const { close, members, openTab, server } = createTabWorld("a");
  collect(openTab().live.connect("a"));
  await server.clock.advance(100);
  members.push("a", "a1");
  await server.clock.advance(100);
  const followed = collect(openTab().live.connect("a", { lastEventId: idOf(1) }));
  await server.clock.advance(200);
  expect([followed.connection.state.status, members.requests.length]).toEqual(["live", 1]);
  await close();
});

test.each(["locks", "channels", "hashes"])(
  "where the browser refuses %s, the tab has its own connection, and says so",
  async (what) => {
    const { close, members, openTab, server } = createTabWorld("a");
    const { live, tab } = openTab();
    const refuse = (): never => {
      throw new DOMException("Denied.", "SecurityError");
    };
    Object.assign(tab.apis, {
      ...(what === "locks" && { request: async () => refuse() }),
      ...(what === "channels" && { openChannel: refuse }),
      ...(what === "hashes" && { hash: async () => refuse() }),
    });
    const followed = collect(live.connect("a"));
    await server.clock.advance(100);
    members.push("a", "a1");
    await server.clock.advance(100);
    expect([live.role, dataOf(followed), members.connections]).toEqual(["alone", ["a1"], 1]);
    tab.suspend();
    await server.clock.advance(10);
    expect(members.connections).toBe(0);
    tab.resume();
    members.push("a", "a2");
    await server.clock.advance(100);
    expect(dataOf(followed)).toEqual(["a1", "a2"]);
    await close();
  },
);

test("what connects while the page is in the cache waits until it comes back", async () => {
  const { close, members, openTab, server } = createTabWorld("a", "b");
  const { live, tab } = openTab();
  collect(live.connect("a"));
  await server.clock.advance(100);
  tab.suspend();
  const followed = collect(live.connect("b"));
  members.push("b", "b1");
  await server.clock.advance(1_000);
  expect([members.connections, tab.locks, tab.channels]).toEqual([0, 0, 0]);
  tab.resume();
  await server.clock.advance(200);
  expect(dataOf(followed)).toEqual(["b1"]);
  await close();
});

test("a tab that left and came back at once is still read for", async () => {
  const { browser, close, members, openTab, server } = createTabWorld("a", "b");
  const [leader, follower] = [openTab(), openTab()];
  collect(leader.live.connect("b"));
  await server.clock.advance(100);
  const followed = collect(follower.live.connect("a"));
  await server.clock.advance(200);
  // That its lock is free, the leader learns after it has asked again.
  browser.random = () => 1;
  follower.tab.suspend();
  await server.clock.flush();
  browser.random = () => 0;
  follower.tab.resume();
  await server.clock.advance(200);
  members.push("a", "a1");
  await server.clock.advance(200);
  expect([leader.live.role, dataOf(followed)]).toEqual(["leader", ["a1"]]);
  await close();
});

test("a tab that closes in the middle of an election leaves nothing, and another one leads", async () => {
  for (let ms = 0; ms < 30; ms += 3) {
    const { close, members, openTab, server } = createTabWorld("a");
    const [first, second] = [openTab(), openTab()];
    collect(first.live.connect("a"));
    const followed = collect(second.live.connect("a"));
    await server.clock.advance(ms);
    first.live.close();
    await server.clock.advance(200);
    members.push("a", "a1");
    await server.clock.advance(100);
    expect([first.tab.locks, first.tab.channels, second.live.role]).toEqual([0, 0, "leader"]);
    expect(dataOf(followed)).toEqual(["a1"]);
    await close();
  }
});

test("two parts of a page may read the same member: they share like two tabs", async () => {
  const { close, members, openTab, server } = createTabWorld("a");
  const one = openTab();
  const followed = [collect(one.live.connect("a"))];
  expect(() => one.live.connect("a")).toThrow("not connected already");
  const other = openTab();
  followed.push(collect(other.live.connect("a")));
  await server.clock.advance(200);
  members.push("a", "a1");
  await server.clock.advance(100);
  expect([followed.map(dataOf), members.connections]).toEqual([[["a1"], ["a1"]], 1]);
  await close();
});

test("a tab that cannot become level with the leader asks it less and less often", async () => {
  const { close, members, openTab, server } = createTabWorld();
  let lives = 0;
  // Each response is of another life of the stream, as behind servers that do not share a store.
  members.scripts.set("a", (_cursor, send) => {
    const id = `life${String(lives++).padStart(6, "0")}.1`;
    send(control("open", OPEN, id));
    send(control("live", {}));
  });
  collect(openTab().live.connect("a"));
  await server.clock.advance(200);
  collect(openTab().live.connect("a"));
  await server.clock.advance(60_000);
  expect(members.requests.length).toBeLessThan(12);
  await close();
});
