import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import type { Registry } from "@holdfast/hono";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { findChromium } from "../../common/test/chromium.ts";
import { openPage } from "../../common/test/open-page.ts";
import { until } from "../../common/test/until.ts";
import { createApp } from "../app.ts";

const launch = findChromium();

interface Served {
  readonly url: string;
  readonly builds: Registry;
  /** Adds a line to the only build. */
  readonly add: (line: string) => void;
  readonly finish: (error?: Error) => void;
  /** Cuts all connections, without the end of their responses. */
  readonly cutAll: () => void;
}

/** Serves the app over HTTP until the test is finished, with a build that the test writes. */
async function serveApp(): Promise<Served> {
  let controller: ReadableStreamDefaultController<string>;
  const { app, builds } = createApp(() => new ReadableStream({ start: (its) => void (controller = its) }));
  const server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }) as Server;
  await once(server, "listening");
  onTestFinished(async () => {
    await builds.close({ deadline: 0 });
    server.close();
    server.closeAllConnections();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    builds,
    add: (line) => controller.enqueue(line),
    finish: (error) => (error === undefined ? controller.close() : controller.error(error)),
    cutAll: () => server.closeAllConnections(),
  };
}

/** Starts a build, and returns its id. */
async function start(page: Page, library: string): Promise<string> {
  await page.getByRole("button", { name: library }).click();
  await page.waitForURL(`**/${library}/builds/*`);
  return page.url().split("/").at(-1) as string;
}

const linesOf = (page: Page) => page.locator("ol li").allTextContents();
const shows = async (page: Page, ...lines: string[]) => {
  await until(async () => (await linesOf(page)).length >= lines.length);
  expect(await linesOf(page)).toEqual(lines);
};
const becomes = (page: Page, status: string) => page.locator("#status", { hasText: status }).waitFor();

/** What each library does for good at an end, told by itself. */
const hasStopped: Readonly<Record<string, string>> = {
  htmx: "window.ends?.[0] === 'message'",
  turbo: "document.querySelector('turbo-stream-source').streamSource.readyState === EventSource.CLOSED",
  datastar: "window.finished",
};

const LISTEN = `
  document.addEventListener("htmx:sse:close", ({ detail }) => (window.ends ??= []).push(detail.reason));
  for (const name of ["datastar-sse", "datastar-fetch"])
    document.addEventListener(name, ({ detail }) => (window.finished ||= detail.type === "finished"));
`;

describe.skipIf(launch === undefined)("hypermedia", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await (launch as () => Promise<Browser>)();
  });
  afterAll(() => browser.close());

  describe.each(["htmx", "turbo", "datastar"])("%s", (library) => {
    const open = (url: string) => openPage(browser, url, (page) => page.addInitScript(LISTEN));

    test("a page gets every line once, through a cut connection, and stops when the build is done", async () => {
      const { url, builds, add, finish, cutAll } = await serveApp();
      const page = await open(url);
      await start(page, library);
      add("1 <b>");
      add("2");
      await shows(page, "1 <b>", "2");
      cutAll();
      await until(() => builds.gauges().connections === 0);
      add("3");
      await shows(page, "1 <b>", "2", "3");
      add("4");
      finish();
      await becomes(page, "done");
      await shows(page, "1 <b>", "2", "3", "4");
      await page.waitForFunction(hasStopped[library] as string);
      expect(builds.gauges().connections).toBe(0);
      await page.reload();
      await becomes(page, "done");
      await shows(page, "1 <b>", "2", "3", "4");
    });

    test("a page that is asked to reconnect does, and misses nothing", async () => {
      const { url, builds, add } = await serveApp();
      const page = await open(url);
      const id = await start(page, library);
      add("1");
      await shows(page, "1");
      await builds.disconnect(id);
      await until(() => builds.gauges().connections === 0);
      add("2");
      await shows(page, "1", "2");
    });

    test("a page that must start over shows only what comes after", async () => {
      const { url, builds, add } = await serveApp();
      const page = await open(url);
      const id = await start(page, library);
      add("1");
      await shows(page, "1");
      const second = await builds.open(id, { ifExists: "replace" });
      await until(async () => (await linesOf(page)).length === 0);
      await second.end();
      await becomes(page, "done");
      expect(await linesOf(page)).toEqual([]);
    });

    test("a page learns that a build has failed, and stops", async () => {
      const { url, add, finish } = await serveApp();
      const page = await open(url);
      await start(page, library);
      add("1");
      await shows(page, "1");
      // htmx stops at the event, and does not ask again.
      const last = library === "htmx" ? undefined : page.waitForResponse((answer) => answer.status() === 204);
      finish(new Error("out of memory"));
      await becomes(page, "failed");
      await last;
      await shows(page, "1");
      // The beta of Datastar, which is on npm, takes a 204 for a failed attempt, and gives up after ten of them.
      if (library !== "datastar" || process.env["DATASTAR"]) {
        await page.waitForFunction(hasStopped[library] as string);
      }
    });
  });
});
