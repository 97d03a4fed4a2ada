import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { describe, expect, onTestFinished, test } from "vitest";
import { until } from "../../common/test/until.ts";
import { holdTools } from "./held-tools.ts";
import { call, initialize, send } from "./raw-client.ts";
import { serveApp } from "./serve-app.ts";

const BEAT = 15_000;

/** The SDK's own client. */
async function connect(url: URL): Promise<Client> {
  const client = new Client({ name: "test", version: "1" });
  const transport = new StreamableHTTPClientTransport(url, {
    reconnectionOptions: {
      initialReconnectionDelay: 1,
      maxReconnectionDelay: 10,
      reconnectionDelayGrowFactor: 1,
      maxRetries: 5,
    },
  });
  // `sessionId: string | undefined` of the one is `sessionId?: string` of the other.
  await client.connect(transport as Parameters<Client["connect"]>[0]);
  onTestFinished(() => client.close());
  return client;
}

describe("the SDK's own client", () => {
  test("lists the tools, and calls one that tells how far it is", async () => {
    const { url } = await serveApp();
    const client = await connect(url);
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(["count", "ponder"]);
    const told: number[] = [];
    const result = await client.callTool({ name: "count", arguments: { to: 3 } }, undefined, {
      onprogress: ({ progress }) => void told.push(progress),
    });
    expect(result.content).toEqual([{ type: "text", text: "Counted to 3." }]);
    expect(told).toEqual([1, 2, 3]);
  });

  test("has its answer after a silence of many heartbeats", async () => {
    const held = holdTools();
    const { url, clock } = await serveApp({ create: held.create });
    const client = await connect(url);
    const result = client.callTool({ name: "held" });
    await until(() => held.calls === 1);
    await clock.advance(10 * BEAT);
    held.answer("at last");
    expect((await result).content).toEqual([{ type: "text", text: "at last" }]);
  });

  test("is cut in the middle of a call, comes back, and is told what it missed", async () => {
    const held = holdTools();
    const { url, cutAll } = await serveApp({ create: held.create });
    const client = await connect(url);
    const told: number[] = [];
    const result = client.callTool({ name: "held" }, undefined, {
      onprogress: ({ progress }) => void told.push(progress),
    });
    await until(() => held.calls === 1);
    await held.progress(1);
    await until(() => told.length === 1);
    cutAll();
    await held.progress(2);
    held.answer("after all");
    expect((await result).content).toEqual([{ type: "text", text: "after all" }]);
    expect(told).toEqual([1, 2]);
    expect(held.calls).toBe(1);
  });

  test("that says goodbye leaves nothing", async () => {
    const { url, sessions, clock } = await serveApp();
    const client = await connect(url);
    expect(sessions.size).toBe(1);
    await (client.transport as StreamableHTTPClientTransport).terminateSession();
    expect(sessions.size).toBe(0);
    await client.close();
    await until(() => clock.timers === 0);
  });
});

describe("on the wire", () => {
  test("a silent call has heartbeats between its events, and its answer behind them", async () => {
    const held = holdTools();
    const { url, clock } = await serveApp({ create: held.create });
    const headers = await initialize(url);
    const response = await send(url, call(1, "held"), headers);
    expect(response.headers["content-type"]).toBe("text/event-stream");
    await response.until("data: \n\n");
    await until(() => clock.timers === 1);
    await clock.advance(BEAT);
    await response.until(":\n\n");
    await held.progress(1);
    await response.until('"progress":1');
    await until(() => clock.timers === 1);
    await clock.advance(BEAT);
    await response.until("}\n\n:\n\n");
    held.answer("done");
    await response.over();
    expect(response.state).toBe("ended");
    const blocks = response.text.split("\n\n").map((block) => block.replace(/^.*\ndata: /s, "data: "));
    expect(blocks.map((block) => block.slice(0, 12))).toEqual([
      "data: ",
      ":",
      'data: {"meth',
      ":",
      'data: {"resu',
      "",
    ]);
  });

  test("the stream for what the server says by itself has heartbeats as well", async () => {
    const { url, clock } = await serveApp();
    const response = await send(url, undefined, await initialize(url));
    await until(() => clock.timers === 1);
    await clock.advance(BEAT);
    await response.until(":\n\n");
    await until(() => clock.timers === 1);
    await clock.advance(BEAT);
    await response.until(":\n\n:\n\n");
  });

  test("that stream may be opened again as soon as its client has left", async () => {
    const { url, clock, sessions } = await serveApp();
    const headers = await initialize(url);
    const first = await send(url, undefined, headers);
    expect((await send(url, undefined, headers)).status).toBe(409);
    first.cut();
    const [session] = sessions.values();
    await until(() => session?.open === 0);
    expect(clock.timers).toBe(1); // that of the session
    expect((await send(url, undefined, headers)).status).toBe(200);
  });

  test("an answer in JSON stays as it is", async () => {
    const { url } = await serveApp();
    const broken = await send(url, { id: 1 }, await initialize(url));
    await broken.over();
    expect([broken.status, broken.headers["content-type"]]).toEqual([400, "application/json"]);
    expect(JSON.parse(broken.text)).toMatchObject({ error: { code: -32_700 } });

    const unknown = await send(url, call(1, "count"), { "mcp-session-id": "of yesterday" });
    await unknown.over();
    expect([unknown.status, JSON.parse(unknown.text)]).toMatchObject([404, { error: { code: -32_001 } }]);
  });
});

describe("a client that is gone all of a sudden", () => {
  test("leaves no heartbeat; its session and its call stay for its return", async () => {
    const held = holdTools();
    const { url, clock, sessions } = await serveApp({ create: held.create });
    const headers = await initialize(url);
    const response = await send(url, call(1, "held"), headers);
    await response.until("id: ");
    const lastId = /id: (\d+)/.exec(response.text)?.[1] ?? "";
    response.cut();
    const [session] = sessions.values();
    await until(() => session?.open === 0);
    expect(clock.timers).toBe(1); // that of the session
    await clock.advance(BEAT);
    expect(held.signal?.aborted).toBe(false);

    const back = await send(url, undefined, { ...headers, "last-event-id": lastId });
    held.answer("for you");
    await back.over();
    expect(back.text).toMatch(/"text":"for you"/);
    expect(sessions.size).toBe(1);
  });

  test("and does not return: its session is closed, its call aborted, and nothing is left", async () => {
    const held = holdTools();
    const { url, clock, sessions } = await serveApp({ create: held.create, idle: 60_000 });
    const headers = await initialize(url);
    const [response, own] = [await send(url, call(1, "held"), headers), await send(url, undefined, headers)];
    await response.until("id: ");
    const [session] = sessions.values();
    own.cut();
    await until(() => session?.open === 1);
    await clock.advance(120_000);
    expect(sessions.size).toBe(1); // somebody is there
    response.cut();
    await until(() => session?.open === 0);
    expect(clock.timers).toBe(1); // that of the session
    await clock.advance(59_999);
    expect(held.signal?.aborted).toBe(false);
    await clock.advance(1);
    expect(held.signal?.aborted).toBe(true);
    expect(sessions.size).toBe(0);
    expect(clock.timers).toBe(0);
  });
});
