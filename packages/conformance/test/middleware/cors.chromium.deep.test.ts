import type { Server } from "node:http";
import { sse } from "@holdfast/hono";
import type { StreamWriter } from "@holdfast/core";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { cors } from "hono/cors";
import type { Page } from "playwright-core";
import { expect, onTestFinished, test } from "vitest";
import { listen } from "@holdfast/conformance";
import { bundleClient } from "../support/bundle.ts";
import { describeInChromium } from "../support/chromium.ts";
import { eventually } from "../../src/harness/eventually.ts";
import { testRegistry } from "../support/test-registry.ts";

interface CrossOriginPage {
  readonly job: StreamWriter<Record<string, unknown>>;
  /** The request headers that each preflight asked for. */
  readonly preflights: readonly (string | undefined)[];
  /** Runs a script in a page of another origin; it reads `url` and pushes what it receives to `received`. */
  readonly run: (script: string) => Promise<void>;
  readonly received: () => Promise<unknown>;
  /** Destroys the connection. */
  readonly cut: () => void;
}

async function openCrossOrigin(page: Page, allowHeaders: string[]): Promise<CrossOriginPage> {
  const { registry } = testRegistry({ random: () => 0 });
  const job = await registry.open("job");
  const preflights: (string | undefined)[] = [];
  const app = new Hono();
  app.use(async (c, next) => {
    if (c.req.method === "OPTIONS") preflights.push(c.req.header("access-control-request-headers"));
    await next();
  });
  app.use(cors({ origin: (origin) => origin, allowHeaders, credentials: true }));
  app.get("/", (c) => sse(c, job));
  // A page that no server has sent may not send requests to the loopback interface.
  app.get("/blank", (c) => c.html(`<link rel="icon" href="data:,">`));
  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
  const { port, close } = await listen(server);
  onTestFinished(close);
  return {
    job,
    preflights,
    async run(script) {
      await page.goto(`http://localhost:${port}/blank`);
      await page.addScriptTag({ content: await bundleClient() });
      onTestFinished(async () => void (await page.goto("about:blank")));
      await page.evaluate(`var url = "http://127.0.0.1:${port}/", received = []; ${script}`);
    },
    received: () => page.evaluate("received"),
    cut: () => server.closeAllConnections(),
  };
}

const FETCH = `
  var headers = { authorization: "Bearer 1" };
  var connection = holdfast.connect(url, { headers, credentials: "include", random: () => 0 });
  void (async () => { for await (const { data } of connection) received.push(data); received.push("end"); })();
`;

describeInChromium("a page of another origin", (page) => {
  test("resumes if `Last-Event-ID` is allowed", async () => {
    const { job, preflights, run, received } = await openCrossOrigin(page(), [
      "Authorization",
      "Last-Event-ID",
    ]);
    await run(FETCH);
    job.push({ data: "one" });
    await eventually(async () => expect(await received()).toEqual(["one"]));
    await page().evaluate("connection.reconnect()");
    await eventually(() => expect(preflights).toHaveLength(2));
    job.push({ data: "two" });
    await job.end();
    await eventually(async () => expect(await received()).toEqual(["one", "two", "end"]));
    expect(preflights).toEqual(["authorization", "authorization,last-event-id"]);
  });

  test("connects if it is not allowed, but cannot resume", async () => {
    const { job, preflights, run, received } = await openCrossOrigin(page(), ["Authorization"]);
    await run(FETCH);
    job.push({ data: "one" });
    await eventually(async () => expect(await received()).toEqual(["one"]));
    await page().evaluate("connection.reconnect()");
    await eventually(async () => expect(await page().evaluate("connection.state.reason")).toBe("network"));
    expect(preflights.at(-1)).toBe("authorization,last-event-id");
    await job.end();
  });

  test.each([
    ["an `EventSource`", "new EventSource(url, { withCredentials: true })"],
    [
      "our client and the cursor in the query",
      `new holdfast.ResilientEventSource(url, { resumeBy: "query", random: () => 0 })`,
    ],
  ])("resumes with %s, which needs no preflight", async (_what, create) => {
    const { job, preflights, run, received, cut } = await openCrossOrigin(page(), []);
    await run(`
      var source = ${create};
      source.onmessage = ({ data }) => received.push(data);
      source.addEventListener("stream.end", () => { received.push("end"); source.close(); });
    `);
    job.push({ data: "one" });
    await eventually(async () => expect(await received()).toEqual(["one"]));
    cut();
    job.push({ data: "two" });
    await job.end();
    await eventually(async () => expect(await received()).toEqual(["one", "two", "end"]));
    expect(preflights).toEqual([]);
  });
});
