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
import { eventually } from "../../src/adapter-suite/eventually.ts";
import { watchedRegistry } from "../support/watched-registry.ts";

/** A browser takes its time. */
const PATIENCE = 10_000;

interface Crossing {
  readonly job: StreamWriter<Record<string, unknown>>;
  /** The headers that the page asked to send, one preflight after the other. */
  readonly preflights: readonly (string | undefined)[];
  /** Runs something with `url` and `got`, which is what it is to fill, in a page of another origin. */
  readonly follow: (script: string) => Promise<void>;
  readonly got: () => Promise<unknown>;
  /** Destroys its connection. */
  readonly cut: () => void;
}

async function cross(page: Page, allowHeaders: string[]): Promise<Crossing> {
  const { registry } = watchedRegistry({ random: () => 0 });
  const job = await registry.open("job");
  const preflights: (string | undefined)[] = [];
  const app = new Hono();
  app.use(async (c, next) => {
    if (c.req.method === "OPTIONS") preflights.push(c.req.header("access-control-request-headers"));
    await next();
  });
  app.use(cors({ origin: (origin) => origin, allowHeaders, credentials: true }));
  app.get("/", (c) => sse(c, job));
  // From a server: a page out of nowhere may not ask the loopback interface for anything.
  app.get("/blank", (c) => c.html(`<link rel="icon" href="data:,">`));
  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
  const { port, close } = await listen(server);
  onTestFinished(close);
  return {
    job,
    preflights,
    async follow(script) {
      await page.goto(`http://localhost:${port}/blank`);
      await page.addScriptTag({ content: await bundleClient() });
      onTestFinished(async () => void (await page.goto("about:blank")));
      await page.evaluate(`var url = "http://127.0.0.1:${port}/", got = []; ${script}`);
    },
    got: () => page.evaluate("got"),
    cut: () => server.closeAllConnections(),
  };
}

const FETCHING = `
  var headers = { authorization: "Bearer 1" };
  var connection = holdfast.connect(url, { headers, credentials: "include", random: () => 0 });
  void (async () => { for await (const { data } of connection) got.push(data); got.push("end"); })();
`;

describeInChromium("a page of another origin", (page) => {
  test("resumes where `Last-Event-ID` is allowed", async () => {
    const { job, preflights, follow, got } = await cross(page(), ["Authorization", "Last-Event-ID"]);
    await follow(FETCHING);
    job.push({ data: "one" });
    await eventually(async () => expect(await got()).toEqual(["one"]), PATIENCE);
    await page().evaluate("connection.reconnect()");
    await eventually(() => expect(preflights).toHaveLength(2), PATIENCE);
    job.push({ data: "two" });
    await job.end();
    await eventually(async () => expect(await got()).toEqual(["one", "two", "end"]), PATIENCE);
    expect(preflights).toEqual(["authorization", "authorization,last-event-id"]);
  });

  test("connects where it is not, and then cannot resume", async () => {
    const { job, preflights, follow, got } = await cross(page(), ["Authorization"]);
    await follow(FETCHING);
    job.push({ data: "one" });
    await eventually(async () => expect(await got()).toEqual(["one"]), PATIENCE);
    await page().evaluate("connection.reconnect()");
    await eventually(
      async () => expect(await page().evaluate("connection.state.reason")).toBe("network"),
      PATIENCE,
    );
    expect(preflights.at(-1)).toBe("authorization,last-event-id");
    await job.end();
  });

  test.each([
    ["an `EventSource`", "new EventSource(url, { withCredentials: true })"],
    [
      "our client, by the query",
      `new holdfast.ResilientEventSource(url, { resumeBy: "query", random: () => 0 })`,
    ],
  ])("resumes with %s, which needs no preflight", async (_what, create) => {
    const { job, preflights, follow, got, cut } = await cross(page(), []);
    await follow(`
      var source = ${create};
      source.onmessage = ({ data }) => got.push(data);
      source.addEventListener("stream.end", () => { got.push("end"); source.close(); });
    `);
    job.push({ data: "one" });
    await eventually(async () => expect(await got()).toEqual(["one"]), PATIENCE);
    cut();
    job.push({ data: "two" });
    await job.end();
    await eventually(async () => expect(await got()).toEqual(["one", "two", "end"]), PATIENCE);
    expect(preflights).toEqual([]);
  });
});
