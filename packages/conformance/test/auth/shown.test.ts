import { readdir, readFile } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import { connect } from "@holdfast/client";
import { sse } from "@holdfast/node-http";
import { createAdaptorServer } from "@hono/node-server";
import { sign } from "hono/jwt";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { listen } from "@holdfast/conformance";
import type { Client } from "../../src/wire/client.ts";
import { sendHttp1 } from "../../src/wire/http1.ts";
import { eventually } from "../../src/adapter-suite/eventually.ts";
import { dataOf } from "../../src/wire/frames.ts";
import { reasonsOf } from "../support/watch.ts";
import { watchedRegistry } from "../support/watched-registry.ts";
import * as bearer from "./shown/bearer.ts";
import { follow } from "./shown/fresh-token.ts";
import * as logout from "./shown/logout.ts";
import * as logoutExpress from "./shown/logout-express.ts";
import * as sessions from "./shown/session.ts";
import * as tickets from "./shown/tickets.ts";

const SECRET = vi.hoisted(() => {
  const secret = "for tests only";
  Object.assign(process.env, { JWT_SECRET: secret, SESSION_SECRET: secret });
  return secret;
});

const shown = new URL("shown/", import.meta.url);

test.each(await readdir(shown))("the docs show %s, to the letter", async (file) => {
  const docs = await readFile(new URL("../../../../docs/auth.md", import.meta.url), "utf8");
  expect(docs).toContain(`\`\`\`ts\n${await readFile(new URL(file, shown), "utf8")}\`\`\``);
});

interface Started {
  readonly url: string;
  get(path: string, headers?: Record<string, string>): Client;
}

async function start(server: Server): Promise<Started> {
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

const inSeconds = (ms: number): number => (Date.now() + ms) / 1_000;

function tokenFor(sub: string, lasting: number): Promise<string> {
  return sign({ sub, exp: inSeconds(lasting) }, SECRET, "HS256");
}

describe("a bearer token", () => {
  test("says whose streams are served; without one there is a 401, as an answer and not as a stream", async () => {
    const job = await bearer.jobs.open("ann/1");
    onTestFinished(() => job.end());
    const server = await start(onNode(bearer.app));
    expect((await server.get("/jobs/1/stream").answered()).status).toBe(401);
    const token = await tokenFor("ann", 60_000);
    const client = server.get("/jobs/1/stream", { authorization: `Bearer ${token}` });
    await client.until("event: stream.live\n");
    const stale = await tokenFor("ann", -1_000);
    const late = await server.get("/jobs/1/stream", { authorization: `Bearer ${stale}` }).answered();
    expect(late.status).toBe(401);
  });

  test("that expires sends its client away, and the client comes back with a fresh one", async () => {
    const job = await bearer.jobs.open("ann/2");
    job.push({ data: "one" });
    const server = await start(onNode(bearer.app));
    // The first is good for one moment, the second for long.
    const lasting = [2_000, 60_000];
    const asked: number[] = [];
    const connection = follow(`${server.url}/jobs/2/stream`, () => {
      asked.push(lasting.shift() ?? Number.NaN);
      return tokenFor("ann", asked.at(-1) ?? 0);
    });
    onTestFinished(() => connection.close());
    const states: string[] = [];
    connection.subscribe((state) => {
      states.push(state.status === "retrying" ? state.reason : state.status);
      if (state.status === "retrying") connection.reconnect();
    });
    expect((await connection.next()).value).toMatchObject({ data: "one" });
    const two = connection.next();
    await eventually(() => expect(asked).toEqual([2_000, 60_000]));
    job.push({ data: "two" });
    expect((await two).value).toMatchObject({ data: "two" });
    expect(states).toContain("aborted");
    await job.end();
    expect((await connection.next()).done).toBe(true);
  });

  test("that is refused is asked for once more, at once, and then no more", async () => {
    const job = await bearer.jobs.open("ann/3");
    const server = await start(onNode(bearer.app));
    const lasting = [-1_000, 60_000];
    const connection = follow(`${server.url}/jobs/3/stream`, () =>
      tokenFor("ann", lasting.shift() ?? -1_000),
    );
    onTestFinished(() => connection.close());
    job.push({ data: "one" });
    expect((await connection.next()).value).toMatchObject({ data: "one" });
    await job.end();

    const refused = follow(`${server.url}/jobs/3/stream`, () => tokenFor("ann", -1_000));
    await expect(refused.next()).rejects.toMatchObject({ reason: "unauthorized", status: 401 });
  });

  test("that has no time left, or very much, is no trap", async () => {
    const soon = [bearer.at(0), bearer.at(Date.now() + 0.5)];
    const late = bearer.at(Date.now() + 365 * 24 * 3_600_000);
    await eventually(() => expect(soon.map(({ aborted }) => aborted)).toEqual([true, true]));
    expect(late.aborted).toBe(false);
  });
});

describe("a session's cookie", () => {
  sessions.app.post("/login", (req, res) => {
    req.session.user = "ann";
    res.sendStatus(204);
  });
  sessions.app.post("/rename", (req, res) => {
    req.session.user = "bob";
    res.sendStatus(204);
  });

  test("says whose streams are served, and a long stream does not undo what became of the session", async () => {
    const job = await sessions.jobs.open("ann/1");
    const bobs = await sessions.jobs.open("bob/1");
    onTestFinished(() => bobs.end());
    const server = await start(createServer(sessions.app as RequestListener));
    expect((await server.get("/jobs/1/stream").answered()).status).toBe(401);

    const login = await fetch(`${server.url}/login`, { method: "POST" });
    const cookie = login.headers.get("set-cookie")?.split(";")[0] ?? "";
    const client = server.get("/jobs/1/stream", { cookie });
    await client.until(`id: ${job.epoch}.0\n`);
    await fetch(`${server.url}/rename`, { method: "POST", headers: { cookie } });
    await job.end();
    expect(await client.over()).toBe("ended");
    await server.get("/jobs/1/stream", { cookie }).until(`id: ${bobs.epoch}.0\n`);
  });
});

describe("a ticket in the query", () => {
  const authorization = "Bearer ann's";

  test("is good for one connection, and a client that asks for its URL anew has one for each", async () => {
    const job = await tickets.jobs.open("ann/1");
    const server = await start(onNode(tickets.app));
    const urls: string[] = [];
    const getUrl = async (): Promise<string> => {
      const response = await fetch(`${server.url}/tickets`, { method: "POST", headers: { authorization } });
      const { ticket } = (await response.json()) as { ticket: string };
      urls.push(`/jobs/1/stream?ticket=${ticket}`);
      return server.url + urls.at(-1);
    };
    const connection = connect(getUrl);
    onTestFinished(() => connection.close());
    job.push({ data: "one" });
    expect((await connection.next()).value).toMatchObject({ data: "one" });
    expect((await server.get(urls[0] ?? "").answered()).status).toBe(401);

    const two = connection.next();
    connection.reconnect();
    await eventually(() => expect(urls).toHaveLength(2));
    job.push({ data: "two" });
    expect((await two).value).toMatchObject({ data: "two" });
    await job.end();
    expect((await connection.next()).done).toBe(true);
  });

  test("is refused when it is made up, and nobody gets one without saying who they are", async () => {
    const server = await start(onNode(tickets.app));
    expect((await server.get("/jobs/1/stream?ticket=0").answered()).status).toBe(401);
    expect((await fetch(`${server.url}/tickets`, { method: "POST" })).status).toBe(401);
  });
});

describe.each([
  ["on Hono", logout.logins, logout.jobs, () => onNode(logout.app)],
  [
    "on Express",
    logoutExpress.logins,
    logoutExpress.jobs,
    () => createServer(logoutExpress.app as RequestListener),
  ],
] as const)("a logout %s", (_where, logins, jobs, serve) => {
  test("ends the connections of the user, and the next is refused", async () => {
    const job = await jobs.open("1");
    onTestFinished(() => job.end());
    const server = await start(serve());
    const login = new AbortController();
    logins.set("ann", login);
    const client = server.get("/jobs/1/stream", { authorization: "ann" });
    await client.until("event: stream.live\n");
    logins.delete("ann");
    login.abort();
    expect(await client.over()).toBe("ended");
    expect(dataOf(client.text, "stream.drain")).toEqual({ reason: "aborted" });
    await eventually(() => expect(jobs.gauges().connections).toBe(0));
    expect(job.signal.aborted).toBe(false);
    const again = await server.get("/jobs/1/stream", { authorization: "ann" }).answered();
    expect(again.status).toBe(401);
  });

  test("is the end for our client, which comes back and hears of it", async () => {
    const job = await jobs.open("2");
    onTestFinished(() => job.end());
    job.push({ data: "one" });
    const server = await start(serve());
    const login = new AbortController();
    logins.set("ann", login);
    const connection = connect(`${server.url}/jobs/2/stream`, { headers: { authorization: "ann" } });
    onTestFinished(() => connection.close());
    connection.subscribe((state) => {
      if (state.status === "retrying" && state.reason === "aborted") connection.reconnect();
    });
    expect((await connection.next()).value).toMatchObject({ data: "one" });
    logins.delete("ann");
    login.abort();
    await expect(connection.next()).rejects.toMatchObject({ reason: "unauthorized", status: 401 });
  });
});

test.each(["the logout", "the expiry"])("of both at once the first counts: %s", async (which) => {
  const { registry, watch } = watchedRegistry();
  const login = new AbortController();
  const expiry = bearer.at(Date.now() + (which === "the expiry" ? 1 : 60_000));
  const signal = AbortSignal.any([login.signal, expiry]);
  const feed = registry.channel("feed");
  const server = await start(createServer((req, res) => void sse(req, res, feed, { signal })));
  const client = await server.get("/").answered();
  if (which === "the logout") login.abort();
  expect(await client.over()).toBe("ended");
  expect(dataOf(client.text, "stream.drain")).toEqual({ reason: "aborted" });
  await eventually(() => expect(reasonsOf(watch)).toEqual(["aborted"]));
  await registry.close();
});
