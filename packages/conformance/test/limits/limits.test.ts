import { readdir, readFile } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import { connect } from "@holdfast/client";
import { createMemoryStore } from "@holdfast/core/testing";
import { createAdaptorServer } from "@hono/node-server";
import { systemClock } from "@holdfast/core";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { listen } from "@holdfast/conformance";
import { eventually } from "../../src/harness/eventually.ts";
import type { Client } from "../../src/wire/client.ts";
import { dataOf, eventsOf } from "../../src/wire/frames.ts";
import { sendHttp1 } from "../../src/wire/http1.ts";
import { addressKey } from "./examples/address.ts";
import { saveWhoIsHere } from "./examples/last-seen.ts";
import * as perAddress from "./examples/per-address.ts";
import * as perAddressExpress from "./examples/per-address-express.ts";
import * as perUser from "./examples/per-user.ts";
import * as presence from "./examples/presence.ts";
import { createService, type Sessions } from "./examples/sessions.ts";

// Covers docs/limits.md.

const examples = new URL("examples/", import.meta.url);

test.each(await readdir(examples))("docs/limits.md contains %s unchanged", async (file) => {
  const docs = await readFile(new URL("../../../../docs/limits.md", import.meta.url), "utf8");
  expect(docs).toContain(`\`\`\`ts\n${await readFile(new URL(file, examples), "utf8")}\`\`\``);
});

interface RunningServer {
  readonly url: string;
  get(path: string, headers?: Record<string, string>): Client;
}

async function start(server: Server): Promise<RunningServer> {
  const { port, close } = await listen(server);
  onTestFinished(close);
  return {
    url: `http://127.0.0.1:${port}`,
    get(path, headers = {}) {
      const client = sendHttp1(port, { path, headers });
      onTestFinished(() => client.cut());
      return client;
    },
  };
}

const onNode = (app: { fetch: Parameters<typeof createAdaptorServer>[0]["fetch"] }): Server =>
  createAdaptorServer({ fetch: app.fetch }) as Server;

test("a user over the limit is asked to come back later, and the others are served", async () => {
  const server = await start(onNode(perUser.app));
  expect((await server.get("/jobs/1/stream").answered()).status).toBe(401);
  const connectAs = (user: string): Client =>
    server.get("/jobs/1/stream", { authorization: `Bearer ${user}` });
  const tabs = Array.from({ length: 20 }, () => connectAs("ann"));
  for (const tab of tabs) await tab.until('"state":"waiting"');
  const late = connectAs("ann");
  await late.finished();
  expect(dataOf(late.text, "stream.drain")).toEqual({ reason: "busy" });
  await connectAs("bob").until('"state":"waiting"');
  expect(perUser.jobs.connections("ann")).toHaveLength(20);
  for (const tab of tabs) tab.cut();
});

describe("an address", () => {
  test.each([
    ["198.51.100.7", undefined, "198.51.100.7"],
    ["::ffff:198.51.100.7", undefined, "198.51.100.7"],
    // Whoever connects directly may send any header.
    ["198.51.100.7", "203.0.113.1", "198.51.100.7"],
    ["127.0.0.1", "203.0.113.1", "203.0.113.1"],
    ["10.1.2.3", "192.0.2.66, 203.0.113.1, 10.9.9.9", "203.0.113.1"],
    ["::ffff:10.1.2.3", "203.0.113.1, ::ffff:10.9.9.9", "203.0.113.1"],
    ["10.1.2.3", undefined, "10.1.2.3"],
    ["10.1.2.3", "203.0.113.1, nonsense", "10.1.2.3"],
    ["2001:db8:0:12:aaaa:bbbb:cccc:dddd", undefined, "2001:db8:0:12"],
    ["2001:0db8::12:1", undefined, "2001:db8:0:0"],
    ["10.0.0.1", "2001:db8:7:8::1", "2001:db8:7:8"],
    ["::1", undefined, "0:0:0:0"],
  ])("of a peer %s that sends %s is %s", (peer, forwardedFor, expected) => {
    expect(addressKey(peer, forwardedFor)).toBe(`address:${expected}`);
  });

  test.each([
    ["Hono", () => onNode(perAddress.app), perAddress.feeds],
    ["Express", () => createServer(perAddressExpress.app as RequestListener), perAddressExpress.feeds],
  ])("on %s counts if a trusted proxy reports it", async (_framework, createApp, feeds) => {
    const server = await start(createApp());
    const open = (address: string): Client => server.get("/news", { "x-forwarded-for": address });
    const clients = Array.from({ length: 50 }, () => open("198.51.100.1, 203.0.113.1"));
    for (const client of clients) await client.until("event: stream.live");
    expect((await open("198.51.100.2, 203.0.113.1").answered()).status).toBe(503);
    await open("203.0.113.2").until("event: stream.live");
    expect(feeds.connections("address:203.0.113.1")).toHaveLength(50);
    for (const client of clients) client.cut();
  });
});

describe("sessions on two machines", () => {
  /** Two processes of the service, and what they share. */
  async function startTwo(): Promise<[RunningServer, RunningServer]> {
    const store = createMemoryStore({ clock: systemClock });
    const users = new Map([
      ["ann's laptop", "ann"],
      ["ann's phone", "ann"],
      ["bob's laptop", "bob"],
    ]);
    const sessions: Sessions = {
      userOf: async (session) => users.get(session),
      delete: async (session) => void users.delete(session),
      async deleteAllOf(user) {
        for (const [session, owner] of users) if (owner === user) users.delete(session);
      },
    };
    const startOne = async (): Promise<RunningServer> => {
      const { app, live } = createService(store, sessions);
      onTestFinished(() => live.close({ deadline: 0, spread: 0 }));
      return start(onNode(app));
    };
    return [await startOne(), await startOne()];
  }

  const open = async (server: RunningServer, authorization: string): Promise<Client> => {
    const client = server.get("/live", { authorization });
    await client.until("event: stream.live");
    return client;
  };

  test("are kicked from all tabs on all machines", async () => {
    const [first, second] = await startTwo();
    const anns = [
      await open(first, "ann's laptop"),
      await open(first, "ann's laptop"),
      await open(second, "ann's phone"),
    ];
    const bob = await open(second, "bob's laptop");
    await fetch(`${first.url}/admin/kick/ann`, { method: "POST" });
    for (const client of anns) {
      expect(await client.finished()).toBe("ended");
      expect(dataOf(client.text, "stream.drain")).toEqual({ reason: "aborted" });
    }
    for (const session of ["ann's laptop", "ann's phone"]) {
      expect((await second.get("/live", { authorization: session }).answered()).status).toBe(401);
    }
    expect(bob.state).toBe("open");
  });

  test("end one by one: at a logout the user's others come back and miss nothing", async () => {
    const [first, second] = await startTwo();
    const laptop = await open(first, "ann's laptop");
    const phone = connect(`${second.url}/live`, { headers: { authorization: "ann's phone" } });
    onTestFinished(() => phone.close());
    const states: string[] = [];
    phone.subscribe((state) => {
      states.push(state.status === "retrying" ? state.reason : state.status);
      if (state.status === "retrying") phone.reconnect();
    });
    void phone.next().catch(() => undefined);
    await eventually(() => expect(states.at(-1)).toBe("live"));
    await fetch(`${first.url}/logout`, { method: "POST", headers: { authorization: "ann's laptop" } });
    expect(await laptop.finished()).toBe("ended");
    expect((await first.get("/live", { authorization: "ann's laptop" }).answered()).status).toBe(401);
    await eventually(() => expect([states.includes("aborted"), states.at(-1)]).toEqual([true, "live"]));
  });
});

describe("who is online", () => {
  test("outlasts a reconnect, and ends with the grace", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const server = await start(onNode(presence.app));
    const watcher = server.get("/lobby/watcher");
    await watcher.until("event: stream.live");
    const news = (): unknown[] =>
      eventsOf(watcher.text).flatMap(({ event, data }) => (data === "watcher" ? [] : [`${event} ${data}`]));
    const tab = server.get("/lobby/ann");
    await tab.until("event: stream.live");
    const second = server.get("/lobby/ann");
    await second.until("event: stream.live");
    second.cut();
    await eventually(() => expect(presence.online.get("ann")?.connections).toBe(1));
    tab.cut();
    await eventually(() => expect(presence.online.get("ann")?.connections).toBe(0));
    vi.advanceTimersByTime(14_000);
    const back = server.get("/lobby/ann");
    await back.until("event: stream.live");
    vi.advanceTimersByTime(60_000);
    expect([...presence.online.keys()]).toContain("ann");
    back.cut();
    await eventually(() => expect(presence.online.get("ann")?.connections).toBe(0));
    vi.advanceTimersByTime(15_000);
    await watcher.until("event: left");
    expect(news()).toEqual(["came ann", "left ann"]);
    expect([...presence.online.keys()]).not.toContain("ann");
  });

  test("on several machines is who was seen by one of them", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    onTestFinished(() => void vi.useRealTimers());
    const seen: (readonly string[])[] = [];
    const stop = saveWhoIsHere(presence.live, async (users) => void seen.push(users));
    const server = await start(onNode(presence.app));
    const clients = ["cleo", "cleo", "dan"].map((user) => server.get(`/lobby/${user}`));
    for (const client of clients) await client.until("event: stream.live");
    vi.advanceTimersByTime(20_000);
    expect(seen.map((users) => users.filter((user) => ["cleo", "dan"].includes(user)))).toEqual([
      ["cleo", "dan"],
    ]);
    stop();
    vi.advanceTimersByTime(60_000);
    expect(seen).toHaveLength(1);
    for (const client of clients) client.cut();
  });
});
