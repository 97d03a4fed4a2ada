import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { describe, expect, onTestFinished, test } from "vitest";
import { until } from "../../common/test/until.ts";
import { createHeldTool } from "./held-tool.ts";
import { call, initialize, send } from "./raw-client.ts";
import { serveApp } from "./serve-app.ts";

const HEARTBEAT = 15_000;

/** Connects the client of the SDK. */
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
  // The SDK declares `sessionId` in two ways that `exactOptionalPropertyTypes` distinguishes.
  await client.connect(transport as Parameters<Client["connect"]>[0]);
  onTestFinished(() => client.close());
  return client;
}

describe("the client of the SDK", () => {
  test("lists the tools, and calls one that reports its progress", async () => {
    const { url } = await serveApp();
    const client = await connect(url);
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(["count", "ponder"]);
    const received: number[] = [];
    const result = await client.callTool({ name: "count", arguments: { to: 3 } }, undefined, {
      onprogress: ({ progress }) => void received.push(progress),
    });
    expect(result.content).toEqual([{ type: "text", text: "Counted to 3." }]);
    expect(received).toEqual([1, 2, 3]);
  });

  test("gets its result after a silence of many heartbeats", async () => {
    const held = createHeldTool();
    const { url, clock } = await serveApp({ createServer: held.createServer });
    const client = await connect(url);
    const result = client.callTool({ name: "held" });
    await until(() => held.calls === 1);
    await clock.advance(10 * HEARTBEAT);
    held.finish("at last");
    expect((await result).content).toEqual([{ type: "text", text: "at last" }]);
  });

  test("reconnects after a cut in the middle of a call, and gets what it missed", async () => {
    const held = createHeldTool();
    const { url, cutAll } = await serveApp({ createServer: held.createServer });
    const client = await connect(url);
    const received: number[] = [];
    const result = client.callTool({ name: "held" }, undefined, {
      onprogress: ({ progress }) => void received.push(progress),
    });
    await until(() => held.calls === 1);
    await held.progress(1);
    await until(() => received.length === 1);
    cutAll();
    await held.progress(2);
    held.finish("after all");
    expect((await result).content).toEqual([{ type: "text", text: "after all" }]);
    expect(received).toEqual([1, 2]);
    expect(held.calls).toBe(1);
  });

  test("leaves nothing behind when it terminates its session", async () => {
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
  test("a silent call gets heartbeats between its events, and its result after them", async () => {
    const held = createHeldTool();
    const { url, clock } = await serveApp({ createServer: held.createServer });
    const headers = await initialize(url);
    const response = await send(url, call(1, "held"), headers);
    expect(response.headers["content-type"]).toBe("text/event-stream");
    await response.until("data: \n\n");
    await until(() => clock.timers === 1);
    await clock.advance(HEARTBEAT);
    await response.until(":\n\n");
    await held.progress(1);
    await response.until('"progress":1');
    await until(() => clock.timers === 1);
    await clock.advance(HEARTBEAT);
    await response.until("}\n\n:\n\n");
    held.finish("done");
    await response.finished();
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

  test("the stream for messages of the server gets heartbeats too", async () => {
    const { url, clock } = await serveApp();
    const response = await send(url, undefined, await initialize(url));
    await until(() => clock.timers === 1);
    await clock.advance(HEARTBEAT);
    await response.until(":\n\n");
    await until(() => clock.timers === 1);
    await clock.advance(HEARTBEAT);
    await response.until(":\n\n:\n\n");
  });

  test("the stream for messages of the server can be opened again when its client has disconnected", async () => {
    const { url, clock, sessions } = await serveApp();
    const headers = await initialize(url);
    const first = await send(url, undefined, headers);
    expect((await send(url, undefined, headers)).status).toBe(409);
    first.cut();
    const [session] = sessions.values();
    await until(() => session?.openResponses === 0);
    expect(clock.timers).toBe(1); // the timer of the session
    expect((await send(url, undefined, headers)).status).toBe(200);
  });

  test("a JSON response is not changed", async () => {
    const { url } = await serveApp();
    const broken = await send(url, { id: 1 }, await initialize(url));
    await broken.finished();
    expect([broken.status, broken.headers["content-type"]]).toEqual([400, "application/json"]);
    expect(JSON.parse(broken.text)).toMatchObject({ error: { code: -32_700 } });

    const unknown = await send(url, call(1, "count"), { "mcp-session-id": "unknown" });
    await unknown.finished();
    expect([unknown.status, JSON.parse(unknown.text)]).toMatchObject([404, { error: { code: -32_001 } }]);
  });
});

describe("a client that disconnects without terminating its session", () => {
  test("stops its heartbeats, but keeps its session and its call, so that it can reconnect", async () => {
    const held = createHeldTool();
    const { url, clock, sessions } = await serveApp({ createServer: held.createServer });
    const headers = await initialize(url);
    const response = await send(url, call(1, "held"), headers);
    await response.until("id: ");
    const lastId = /id: (\d+)/.exec(response.text)?.[1] ?? "";
    response.cut();
    const [session] = sessions.values();
    await until(() => session?.openResponses === 0);
    expect(clock.timers).toBe(1); // the timer of the session
    await clock.advance(HEARTBEAT);
    expect(held.signal?.aborted).toBe(false);

    const reconnected = await send(url, undefined, { ...headers, "last-event-id": lastId });
    held.finish("for you");
    await reconnected.finished();
    expect(reconnected.text).toMatch(/"text":"for you"/);
    expect(sessions.size).toBe(1);
  });

  test("when it does not reconnect, its session is closed, its call is aborted, and nothing is left behind", async () => {
    const held = createHeldTool();
    const { url, clock, sessions } = await serveApp({ createServer: held.createServer, idle: 60_000 });
    const headers = await initialize(url);
    const [response, serverMessages] = [
      await send(url, call(1, "held"), headers),
      await send(url, undefined, headers),
    ];
    await response.until("id: ");
    const [session] = sessions.values();
    serverMessages.cut();
    await until(() => session?.openResponses === 1);
    await clock.advance(120_000);
    expect(sessions.size).toBe(1); // one response is still open
    response.cut();
    await until(() => session?.openResponses === 0);
    expect(clock.timers).toBe(1); // the timer of the session
    await clock.advance(59_999);
    expect(held.signal?.aborted).toBe(false);
    await clock.advance(1);
    expect(held.signal?.aborted).toBe(true);
    expect(sessions.size).toBe(0);
    expect(clock.timers).toBe(0);
  });
});
