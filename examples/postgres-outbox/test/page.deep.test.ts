import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findChromium } from "../../common/test/chromium.ts";
import { openPage } from "../../common/test/open-page.ts";
import { becomes, click, region, shows } from "../../common/test/panels.ts";
import { takeScreenshots } from "../../common/test/screenshots.ts";
import { until } from "../../common/test/until.ts";
import { hasPostgres, runExample } from "./run-example.ts";

const launch = findChromium();
const screenshots = join(import.meta.dirname, "../screenshots");

describe.skipIf(launch === undefined || !hasPostgres)("the page of the example with Postgres", () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await (launch as () => Promise<Browser>)();
  });
  afterAll(() => browser.close());

  const RIGHT = /^Every committed event arrived once, and no other\.$/;

  test("both readers show what is committed and nothing else, also after a web server was killed", async () => {
    const example = await runExample();
    const page = await openPage(browser, example.url);
    const [a, b] = [region(page, "Web server A"), region(page, "Web server B")];
    const [worker, postgres] = [region(page, "Worker"), region(page, "Postgres")];
    for (const machine of [a, b, worker, postgres]) await becomes(machine, "running");
    await click(a, "Place an order");
    for (const panel of [a, b]) await shows(panel, /^order 1 \(\w+\) placed$/);
    await click(b, "Place one that is rolled back");
    for (const panel of [a, b]) await shows(panel, /^order 1 \(\w+\) shipped$/);

    await click(a, "Place 60, a third rolled back");
    await click(b, "Place 60, a third rolled back");
    await shows(b, /^\d\d shown, 0 missed, 0 doubled$/);
    await click(a, "kill -9");
    await becomes(a, "dead");
    await becomes(a, "retrying");
    expect(await a.getByRole("button", { name: "Place an order" }).isDisabled()).toBe(true);
    await shows(b, /^order \d+ \(\w+\) shipped$/);
    await takeScreenshots(page, join(screenshots, "killed"));
    await click(a, "Start");
    await becomes(a, "running");
    await becomes(a, "live");

    // The orders that are not shipped yet would take a while.
    await until(async () => (await b.getByText(/placed$/).count()) === 0);
    await click(worker, "kill -9");
    await becomes(worker, "dead");
    const counts: (string | null)[] = [];
    for (const panel of [a, b]) {
      await shows(panel, RIGHT);
      counts.push(await panel.locator("[data-name=count]").textContent());
    }
    const { committed, rolledBack } = example.ledger();
    expect(counts).toEqual(Array.from({ length: 2 }, () => `${committed} shown, 0 missed, 0 doubled`));
    expect(rolledBack).toBeGreaterThan(1);
    await takeScreenshots(page, join(screenshots, "settled"));

    // A page that is opened later shows everything, too.
    const later = await openPage(browser, example.url);
    await shows(region(later, "Web server B"), RIGHT);
    expect(await region(later, "Web server B").locator("[data-name=count]").textContent()).toBe(counts[0]);
  });

  test("events that are missing, come twice, or were never committed are shown", async () => {
    const example = await runExample();
    await example.kill("worker");
    for (let order = 0; order < 3; order++) await example.place("a");
    await until(() => example.ledger().isSettled);
    const placed = (seq: number, attempt = seq): string =>
      `event: placed\nid: 0123456789.${seq}\ndata: {"order":${attempt},"item":"tea","attempt":${attempt}}\n\n`;
    const open = `event: stream.open\nid: 0123456789.0\ndata: {"state":"live","first":1,"last":4,"heartbeat":15000}\n\n`;
    const live = "event: stream.live\ndata: {}\n\n";
    const streams = {
      a: open + placed(1) + placed(3) + placed(4, 3) + live,
      b: open + placed(1) + placed(2) + placed(3) + placed(4) + live,
    };
    const page = await openPage(browser, example.url, async (newPage) => {
      await newPage.addInitScript(serveStreams, {
        [example.urlOf("a")]: streams.a,
        [example.urlOf("b")]: streams.b,
      });
    });
    const [a, b] = [region(page, "Web server A"), region(page, "Web server B")];
    await shows(a, /^2 shown, 1 missed, 1 doubled$/);
    await shows(a, /^Events are missing or came twice\.$/);
    await shows(b, /^1 of these were never committed\.$/);
    for (const panel of [a, b]) await panel.locator("[data-proof=wrong]").waitFor();
  });
});

/** Runs in the page: answers the feeds of these servers with a response that stays open. */
function serveStreams(streams: Record<string, string>): void {
  const original = fetch;
  globalThis.fetch = async (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    const text = url.endsWith("/orders/feed") ? streams[new URL(url).origin] : undefined;
    if (text === undefined) return original(input, init);
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode(text)),
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  };
}
