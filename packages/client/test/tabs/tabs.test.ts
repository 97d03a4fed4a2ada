import { expect, test } from "vitest";
import { multiplex } from "../../src/tabs/index.ts";
import { createSharedMultiplex, type SharedMultiplex } from "../../src/tabs/shared-multiplex.ts";
import { createFakeServer, type FakeServer } from "../support/fake-server.ts";
import { FakeBrowser, type FakeTab } from "../support/fake-browser.ts";
import { collect, control, event, type Followed, OPEN } from "../support/follow.ts";
import { MemberServer } from "../support/member-server.ts";

interface Tab {
  readonly tab: FakeTab;
  readonly live: SharedMultiplex;
}

function openTab(server: FakeServer, browser: FakeBrowser, shareAs = "ann"): Tab {
  const tab = browser.openTab();
  const options = { fetch: server.fetch, clock: server.clock, random: () => 0.5, shareAs };
  return { tab, live: createSharedMultiplex("http://server.test/live", options, tab.apis) };
}

const dataOf = ({ messages }: Followed): string[] => messages.map(({ data }) => data);

test("many tabs have one connection, and each gets everything", async () => {
  const server = createFakeServer();
  const members = new MemberServer(server);
  members.open("a");
  members.open("b");
  members.push("a", "a1", "a2");
  const browser = new FakeBrowser(server.clock, () => 0.5);
  const tabs = Array.from({ length: 4 }, () => openTab(server, browser));
  const followed = tabs.map(({ live }) => collect(live.connect("a")));
  const others = tabs.map(({ live }) => collect(live.connect("b")));
  await server.clock.advance(200);
  members.push("a", "a3");
  members.push("b", "b1");
  await server.clock.advance(200);
  expect(followed.map(dataOf)).toEqual(Array(4).fill(["a1", "a2", "a3"]));
  expect(others.map(dataOf)).toEqual(Array(4).fill(["b1"]));
  expect(members.connections).toBe(1);
  expect(tabs.map(({ live }) => live.role).toSorted()).toEqual([
    "follower",
    "follower",
    "follower",
    "leader",
  ]);
  for (const { live } of tabs) live.close();
  await server.clock.advance(10);
  expect(members.connections).toBe(0);
});

test("the events that come together with the end are not lost", async () => {
  const server = createFakeServer();
  const members = new MemberServer(server);
  members.scripts.set("a", (_cursor, send) =>
    send(
      control("open", OPEN) +
        event("a1", "k3v9x0q2ma.1") +
        event("a2", "k3v9x0q2ma.2") +
        control("end", { status: "done" }, "k3v9x0q2ma.3.end"),
    ),
  );
  const browser = new FakeBrowser(server.clock, () => 0.5);
  const followed = [1, 2].map(() => collect(openTab(server, browser).live.connect("a")));
  await server.clock.advance(200);
  expect(followed.map(dataOf)).toEqual(Array(2).fill(["a1", "a2"]));
});

test("when the leader is gone, another one goes on, without a gap", async () => {
  const server = createFakeServer();
  const members = new MemberServer(server);
  members.open("a");
  const browser = new FakeBrowser(server.clock, () => 0.5);
  const tabs = Array.from({ length: 3 }, () => openTab(server, browser));
  const followed = tabs.map(({ live }) => collect(live.connect("a")));
  await server.clock.advance(100);
  members.push("a", "a1");
  await server.clock.advance(50);
  const leader = tabs.findIndex(({ live }) => live.role === "leader");
  tabs[leader]?.tab.kill();
  tabs[leader]?.live.close();
  members.push("a", "a2");
  await server.clock.advance(1_000);
  members.push("a", "a3");
  await server.clock.advance(50);
  followed.splice(leader, 1);
  expect(followed.map(dataOf)).toEqual(Array(2).fill(["a1", "a2", "a3"]));
  expect(members.connections).toBe(1);
  for (const { live } of tabs) live.close();
  await server.clock.advance(20);
});

test("a leader that does not answer loses its place to a visible tab within 3 s, and drops what it holds", async () => {
  const server = createFakeServer();
  const members = new MemberServer(server);
  members.open("a");
  const browser = new FakeBrowser(server.clock, () => 0.5);
  const tabs = Array.from({ length: 2 }, () => openTab(server, browser));
  const [first, second] = tabs.map(({ live }) => collect(live.connect("a"))) as [Followed, Followed];
  await server.clock.advance(100);
  expect(tabs.map(({ live }) => live.role)).toEqual(["leader", "follower"]);
  const [leader, follower] = tabs as [Tab, Tab];
  follower.tab.isVisible = false;
  leader.tab.freeze();
  await server.clock.advance(10_000);
  expect(follower.live.role).toBe("follower");
  follower.tab.isVisible = true;
  members.push("a", "a1");
  await server.clock.advance(3_000);
  expect([dataOf(second), follower.live.role]).toEqual([["a1"], "leader"]);
  leader.tab.thaw();
  await server.clock.advance(100);
  members.push("a", "a2");
  await server.clock.advance(100);
  expect([dataOf(first), dataOf(second)]).toEqual([
    ["a1", "a2"],
    ["a1", "a2"],
  ]);
  expect([leader.live.role, members.connections]).toEqual(["follower", 1]);
  for (const { live } of tabs) live.close();
  await server.clock.advance(20);
});

test("a tab in the cache holds nothing, and goes on when it comes back", async () => {
  const server = createFakeServer();
  const members = new MemberServer(server);
  members.open("a");
  const { live, tab } = openTab(server, new FakeBrowser(server.clock, () => 0.5));
  const followed = collect(live.connect("a"));
  await server.clock.advance(100);
  tab.suspend();
  await server.clock.advance(100);
  expect([members.connections, tab.channels, tab.locks]).toEqual([0, 0, 0]);
  members.push("a", "a1");
  tab.resume();
  await server.clock.advance(100);
  expect(dataOf(followed)).toEqual(["a1"]);
  live.close();
  await server.clock.advance(20);
});

test("what only a tab wanted that is gone, the leader does not read any more", async () => {
  const server = createFakeServer();
  const members = new MemberServer(server);
  members.open("a");
  members.open("b");
  const browser = new FakeBrowser(server.clock, () => 0.5);
  const [one, two] = [openTab(server, browser), openTab(server, browser)];
  collect(one.live.connect("a"));
  await server.clock.advance(100);
  collect(two.live.connect("b"));
  await server.clock.advance(100);
  expect([...(members.requests.at(-1)?.members.keys() ?? [])]).toEqual(["a", "b"]);
  two.tab.kill();
  two.live.close();
  await server.clock.advance(100);
  expect([...(members.requests.at(-1)?.members.keys() ?? [])]).toEqual(["a"]);
  one.live.close();
  await server.clock.advance(20);
});

test("two users never share, and a refused leader lets another one lead", async () => {
  const server = createFakeServer();
  const members = new MemberServer(server);
  members.open("a");
  const browser = new FakeBrowser(server.clock, () => 0.5);
  const tabs = [openTab(server, browser), openTab(server, browser, "bob")];
  for (const { live } of tabs) collect(live.connect("a"));
  await server.clock.advance(100);
  expect(tabs.map(({ live }) => live.role)).toEqual(["leader", "leader"]);
  expect(members.connections).toBe(2);
  for (const { live } of tabs) live.close();

  const serve = server.onRequest;
  let isRefused = true;
  server.onRequest = (exchange) => {
    if (isRefused) exchange.respond(401);
    else serve?.(exchange);
  };
  const [first, second] = [openTab(server, browser), openTab(server, browser)];
  const refused = collect(first.live.connect("a"));
  const other = collect(second.live.connect("a"));
  refused.connection.subscribe(({ status }) => {
    if (status === "closed") isRefused = false;
  });
  await server.clock.advance(1_000);
  members.push("a", "a1");
  await server.clock.advance(100);
  expect(refused.ended ?? "fine").toMatchObject({ reason: "unauthorized" });
  expect(dataOf(other)).toEqual(["a1"]);
  for (const { live } of [first, second]) live.close();
  await server.clock.advance(20);
});

test("without the APIs each tab has its own connection, and says so", async () => {
  const server = createFakeServer();
  const options = { fetch: server.fetch, clock: server.clock, shareAs: "ann" };
  const live = createSharedMultiplex("http://server.test/live", options, undefined);
  collect(live.connect("a"));
  await server.clock.advance(20);
  expect([live.role, server.requests]).toEqual(["alone", 1]);
  for (const options of [undefined, {}, { shareAs: "" }, { shareAs: 7 }]) {
    expect(() => multiplex("http://server.test/live", options as never)).toThrow("`shareAs` must be the id");
  }
  live.close();
});
