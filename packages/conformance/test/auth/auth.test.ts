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
import { eventually } from "../../src/harness/eventually.ts";
import { dataOf } from "../../src/wire/frames.ts";
import { closeReasons } from "../support/recording-observer.ts";
import { testRegistry } from "../support/test-registry.ts";
import * as bearer from "./examples/bearer.ts";
import { follow } from "./examples/fresh-token.ts";
import * as logout from "./examples/logout.ts";
import * as logoutExpress from "./examples/logout-express.ts";
import * as sessions from "./examples/session.ts";
import * as tickets from "./examples/tickets.ts";

// Covers docs/auth.md, and the option `signal` of core.

const SECRET = vi.hoisted(() => {
  const secret = "for tests only";
  Object.assign(process.env, { JWT_SECRET: secret, SESSION_SECRET: secret });
  return secret;
});

const examples = new URL("examples/", import.meta.url);

test.each(await readdir(examples))("docs/auth.md contains %s unchanged", async (file) => {
  const docs = await readFile(new URL("../../../../docs/auth.md", import.meta.url), "utf8");
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

/** A token that expires after `lifetime` ms. */
function tokenFor(sub: string, lifetime: number): Promise<string> {
  return sign({ sub, exp: (Date.now() + lifetime) / 1_000 }, SECRET, "HS256");
}

describe("a bearer token", () => {
  test("determines whose streams are served; without one the response is a 401 without a stream", async () => {
    const job = await bearer.jobs.open("ann/1");
    onTestFinished(() => job.end());
    const server = await start(onNode(bearer.app));
    expect((await server.get("/jobs/1/stream").answered()).status).toBe(401);
    const token = await tokenFor("ann", 60_000);
    const client = server.get("/jobs/1/stream", { authorization: `Bearer ${token}` });
    await client.until("event: stream.live\n");
    const expired = await tokenFor("ann", -1_000);
    const late = await server.get("/jobs/1/stream", { authorization: `Bearer ${expired}` }).answered();
    expect(late.status).toBe(401);
  });

  test("that expires drains its client, which reconnects with a fresh one", async () => {
    const job = await bearer.jobs.open("ann/2");
    job.push({ data: "one" });
    const server = await start(onNode(bearer.app));
    // The signals of the two connections. The first one expires when the test says so.
    const expiries = [new AbortController(), new AbortController()];
    const timeout = vi.spyOn(AbortSignal, "timeout");
    for (const { signal } of expiries) timeout.mockReturnValueOnce(signal);
    onTestFinished(() => timeout.mockRestore());
    let tokens = 0;
    const connection = follow(`${server.url}/jobs/2/stream`, () => {
      tokens++;
      return tokenFor("ann", 60_000);
    });
    onTestFinished(() => connection.close());
    const states: string[] = [];
    connection.subscribe((state) => {
      states.push(state.status === "retrying" ? state.reason : state.status);
      if (state.status === "retrying") connection.reconnect();
    });
    expect((await connection.next()).value).toMatchObject({ data: "one" });
    const two = connection.next();
    expect(timeout.mock.lastCall?.[0]).toBeGreaterThan(0);
    expiries[0]?.abort();
    await eventually(() => expect(tokens).toBe(2));
    job.push({ data: "two" });
    expect((await two).value).toMatchObject({ data: "two" });
    expect(states).toContain("aborted");
    await job.end();
    expect((await connection.next()).done).toBe(true);
  });

  test("that is refused is replaced once, at once, and then the client gives up", async () => {
    const job = await bearer.jobs.open("ann/3");
    const server = await start(onNode(bearer.app));
    const lifetimes = [-1_000, 60_000];
    const connection = follow(`${server.url}/jobs/3/stream`, () =>
      tokenFor("ann", lifetimes.shift() ?? -1_000),
    );
    onTestFinished(() => connection.close());
    job.push({ data: "one" });
    expect((await connection.next()).value).toMatchObject({ data: "one" });
    await job.end();

    const refused = follow(`${server.url}/jobs/3/stream`, () => tokenFor("ann", -1_000));
    await expect(refused.next()).rejects.toMatchObject({ reason: "unauthorized", status: 401 });
  });

  test("may have expired, or expire in a year", async () => {
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

  test("determines whose streams are served, and a long stream does not overwrite later changes of the session", async () => {
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
    expect(await client.finished()).toBe("ended");
    await server.get("/jobs/1/stream", { cookie }).until(`id: ${bobs.epoch}.0\n`);
  });
});

describe("a ticket in the query", () => {
  const authorization = "Bearer ann's";

  test("is valid for one connection; a client with a function for its URL requests one for each connection", async () => {
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

  test("is refused if it is invented, and issued only to authenticated users", async () => {
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
  test("ends the connections of the user, and refuses the next one", async () => {
    const job = await jobs.open("1");
    onTestFinished(() => job.end());
    const server = await start(serve());
    const login = new AbortController();
    logins.set("ann", login);
    const client = server.get("/jobs/1/stream", { authorization: "ann" });
    await client.until("event: stream.live\n");
    logins.delete("ann");
    login.abort();
    expect(await client.finished()).toBe("ended");
    expect(dataOf(client.text, "stream.drain")).toEqual({ reason: "aborted" });
    await eventually(() => expect(jobs.gauges().connections).toBe(0));
    expect(job.signal.aborted).toBe(false);
    const again = await server.get("/jobs/1/stream", { authorization: "ann" }).answered();
    expect(again.status).toBe(401);
  });

  test("closes our client, which reconnects and is refused", async () => {
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

test.each(["the logout", "the expiry"])(
  "with a logout and an expiry, the first one drains the client: %s",
  async (which) => {
    const { registry, recorded } = testRegistry();
    const login = new AbortController();
    const expiry = bearer.at(Date.now() + (which === "the expiry" ? 1 : 60_000));
    const signal = AbortSignal.any([login.signal, expiry]);
    const feed = registry.channel("feed");
    const server = await start(createServer((req, res) => void sse(req, res, feed, { signal })));
    const client = await server.get("/").answered();
    if (which === "the logout") login.abort();
    expect(await client.finished()).toBe("ended");
    expect(dataOf(client.text, "stream.drain")).toEqual({ reason: "aborted" });
    await eventually(() => expect(closeReasons(recorded)).toEqual(["aborted"]));
    await registry.close();
  },
);
