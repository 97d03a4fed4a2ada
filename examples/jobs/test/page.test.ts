import { join } from "node:path";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findChromium } from "../../common/test/chromium.ts";
import { openPage } from "../../common/test/open-page.ts";
import { takeScreenshots } from "../../common/test/screenshots.ts";
import { until } from "../../common/test/until.ts";
import { type ServedApp, serveApp } from "./serve-app.ts";
import { digestOf } from "./sha256.ts";
import { manyFiles, tempFolder } from "./temp-folder.ts";
import { Valve } from "./valve.ts";

const launch = findChromium();
const screenshots = join(import.meta.dirname, "../screenshots");

describe.skipIf(launch === undefined)("the page", () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await (launch as () => Promise<Browser>)();
  });
  afterAll(() => browser.close());

  const open = (url: string, prepare?: (blank: Page) => Promise<unknown>): Promise<Page> =>
    openPage(browser, url, prepare);
  const panel = (page: Page, title = "Reader"): Locator =>
    page.getByRole("region", { name: title, exact: true });
  const click = (within: Page | Locator, name: string) => within.getByRole("button", { name }).click();
  const shows = (within: Page | Locator, text: string) =>
    within.getByText(text, { exact: true }).first().waitFor();
  const becomes = (reader: Locator, state: string) => reader.locator(`[data-state="${state}"]`).waitFor();
  const proof = (reader: Locator, verdict: "right" | "wrong") =>
    reader.locator(`[data-proof=${verdict}]`).waitFor();

  /** Waits for a figure among those that the server counts. */
  const metric = (page: Page, name: string, value: string): Promise<void> =>
    panel(page, "What the server counts")
      .locator("div", { has: page.getByText(name, { exact: true }) })
      .locator("dd", { hasText: new RegExp(`^${value}$`) })
      .waitFor();

  /** A job that tells two events as it lists its files, and two with every 16 files that the valve lets by. */
  async function pausedJob(files: Record<string, string>): Promise<{ app: ServedApp; valve: Valve }> {
    const valve = new Valve();
    const app = await serveApp({ root: tempFolder(files), hashFile: valve.hashFile, interval: 0 });
    return { app, valve };
  }

  test("who cuts, comes back or joins late gets every event once", async () => {
    const files = manyFiles(320);
    const { app, valve } = await pausedJob(files);
    const page = await open(app.url);
    await click(page, "Start a job");
    const reader = panel(page);
    await becomes(reader, "live");
    valve.let(96);
    await shows(reader, "14 events, 0 missed, 0 doubled");
    await shows(reader, "96 of 320 files");

    await click(reader, "Cut the connection");
    await becomes(reader, "cut");
    const id = new URL(page.url()).searchParams.get("job") as string;
    valve.let(96);
    await until(() => app.jobs.get(id)?.last === 26);
    await shows(reader, "14 events, 0 missed, 0 doubled");
    await click(reader, "Reconnect");
    await shows(reader, "26 events, 0 missed, 0 doubled");
    await becomes(reader, "live");

    app.cutAll();
    await shows(reader, "connection lost; EventSource comes back by itself");
    valve.let(32);
    await click(page, "Open a second reader");
    const second = panel(page, "Second reader");
    for (const one of [reader, second]) {
      await shows(one, "30 events, 0 missed, 0 doubled");
      await becomes(one, "live");
    }

    valve.open();
    for (const one of [reader, second]) {
      await becomes(one, "ended: done");
      await shows(one, "43 of 43 events, 0 missed, 0 doubled");
      await shows(one, digestOf(files));
      await proof(one, "right");
    }
    await metric(page, "Resets", "0");
    await takeScreenshots(page, screenshots);

    await page.reload();
    await shows(reader, "43 of 43 events, 0 missed, 0 doubled");
    await proof(reader, "right");
    await click(page, "Open a second reader");
    await proof(second, "right");
    await click(page, "Close the second reader");
    await second.waitFor({ state: "detached" });
  });

  test("a cancelled job has told all that it told", async () => {
    const { app, valve } = await pausedJob(manyFiles(64));
    const page = await open(app.url);
    await click(page, "Start a job");
    valve.let(16);
    await shows(panel(page), "4 events, 0 missed, 0 doubled");
    await click(page, "Cancel the job");
    await becomes(panel(page), "ended: cancelled");
    await shows(panel(page), "4 of 4 events, 0 missed, 0 doubled");
    await proof(panel(page), "right");
    expect(await page.getByRole("button", { name: "Cancel the job" }).isDisabled()).toBe(true);
  });

  test("what cannot be started is said", async () => {
    const { app } = await pausedJob({});
    const page = await open(app.url);
    await page.getByLabel("Folder to hash").fill("..");
    await click(page, "Start a job");
    await shows(page.getByRole("alert"), `".." is outside the served folder`);
  });

  test("a job that never was is refused", async () => {
    const { app } = await pausedJob({});
    await becomes(panel(await open(`${app.url}/?job=nobody`)), "refused");
  });

  test("of a job whose events are no longer held, the result is shown", async () => {
    const app = await serveApp({ root: tempFolder(manyFiles(20)), linger: 0 });
    const page = await open(app.url);
    await click(page, "Start a job");
    await becomes(panel(page), "ended: done");
    await until(() => app.jobs.size === 0);
    await page.reload();
    await shows(panel(page), "1 of 1 event, 0 missed, 0 doubled");
    await shows(panel(page), "The job's events are no longer held; this is its result.");
    await shows(panel(page), "20 of 20 files");
  });

  test("what the server counts is shown, and kept up to date", async () => {
    const { app, valve } = await pausedJob(manyFiles(64));
    const page = await open(app.url);
    await metric(page, "Streams", "0");
    await click(page, "Start a job");
    valve.let(32);
    await metric(page, "Connections", "1");
    await metric(page, "Events pushed", "6");
    valve.open();
    await metric(page, "Of these ended", "1");
    await metric(page, "Connections", "0");
    await metric(page, "Events delivered", "11");
  });

  /** Opens the page on a stream that never was: what the server would say is made up. */
  async function openOn(stream: string, status = 200): Promise<Locator> {
    const { app } = await pausedJob({});
    const page = await open(`${app.url}/?job=made-up`, (blank) =>
      blank.route("**/stream", (route) =>
        route.fulfill({ status, contentType: "text/event-stream", body: stream }),
      ),
    );
    return panel(page);
  }

  const frame = (event: string, data: unknown, id?: string): string =>
    `event: ${event}\n${id === undefined ? "" : `id: 0123456789.${id}\n`}data: ${JSON.stringify(data)}\n\n`;
  const file = (seq: number): string =>
    frame("file", { files: [{ path: "a", size: 1, sha256: "00" }] }, `${seq}`);
  const end = (seq: number, status = "done"): string => frame("stream.end", { status }, `${seq}.end`);

  test("a loss is counted and said", async () => {
    const reset = frame("stream.reset", { reason: "trimmed", lost: [1, 40] }, "40");
    const reader = await openOn(reset + file(41) + file(42) + end(43));
    await shows(reader, "2 of 42 events, 40 missed, 0 doubled");
    await shows(reader, "reset (trimmed): events 1 to 40 are lost");
    await proof(reader, "wrong");
  });

  test("a gap and a double are found", async () => {
    const reader = await openOn(file(1) + file(1) + file(2) + file(4) + end(6));
    await shows(reader, "3 of 5 events, 2 missed, 1 doubled");
    await proof(reader, "wrong");
  });

  test("a reset without a range starts over", async () => {
    const reset = frame("stream.reset", { reason: "epoch", lost: null }, "0");
    const reader = await openOn(file(1) + file(2) + reset + file(1) + end(2, "cancelled"));
    await shows(reader, "1 of 1 event, 0 missed, 0 doubled");
    await shows(reader, "reset (epoch): starting over");
  });

  test("a digest that does not fit what came is found", async () => {
    const done = { files: 1, errors: 0, filesPerSecond: 1, events: 2, digest: "another" };
    const reader = await openOn(file(1) + frame("done", done, "2") + end(3));
    await shows(reader, "2 of 2 events, 0 missed, 0 doubled");
    await shows(reader, "The hashes that came give another digest.");
    await proof(reader, "wrong");
  });

  test("a failure is said", async () => {
    const error = frame("stream.error", { code: "SOURCE_FAILED", message: "The stream failed." });
    const reader = await openOn(error + end(1, "failed"));
    await becomes(reader, "ended: failed");
    await shows(reader, "error SOURCE_FAILED: The stream failed.");
  });

  test("a server that drains is said, and come back to", async () => {
    const reader = await openOn(frame("stream.drain", { reason: "shutdown" }));
    await becomes(reader, "reconnecting");
    await shows(reader, "sent away (shutdown), to come back later");
  });

  test("a refusal ends it, until the reader reconnects", async () => {
    const reader = await openOn("", 404);
    await becomes(reader, "refused");
    await shows(reader, "refused; EventSource has given up");
    await reader.getByRole("button", { name: "Reconnect" }).waitFor();
  });
});
