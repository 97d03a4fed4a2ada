import { expect, test } from "vitest";
import { createSharedMultiplex, type SharedMultiplex } from "../../src/tabs/index.ts";
import { createFakeServer, type FakeServer } from "../support/fake-server.ts";
import { FakeBrowser, type FakeTab } from "../support/fake-browser.ts";
import { collect, type Followed } from "../support/follow.ts";
import { MemberServer } from "../support/member-server.ts";

interface Tab {
  readonly tab: FakeTab;
  readonly live: SharedMultiplex & { suspend(): void; resume(): void };
}

function openTab(server: FakeServer, browser: FakeBrowser): Tab {
  const tab = browser.openTab();
  const options = { fetch: server.fetch, clock: server.clock, random: () => 0.5, shareAs: "ann" };
  return { tab, live: createSharedMultiplex("http://server.test/live", options, "group", tab.apis) };
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
});
