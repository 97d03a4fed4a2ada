import { join } from "node:path";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findChromium } from "../../common/test/chromium.ts";
import { openPage } from "../../common/test/open-page.ts";
import { runServer } from "../../common/test/run-server.ts";
import { takeScreenshots } from "../../common/test/screenshots.ts";
import { until } from "../../common/test/until.ts";
import { type ServedApp, serveApp } from "./serve-app.ts";
import { digestOf } from "./sha256.ts";
import { manyFiles, tempFolder } from "./temp-folder.ts";
import { HashSemaphore } from "./hash-semaphore.ts";

const launch = findChromium();
const screenshots = join(import.meta.dirname, "../screenshots");
const killedScreenshots = join(screenshots, "killed");

describe.skipIf(launch === undefined)("the page of the jobs example", () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await (launch as () => Promise<Browser>)();
  });
  afterAll(() => browser.close());

  const open = (url: string, prepare?: (newPage: Page) => Promise<unknown>): Promise<Page> =>
    openPage(browser, url, prepare);
  const panel = (page: Page, title = "Reader"): Locator =>
    page.getByRole("region", { name: title, exact: true });
  const click = (within: Page | Locator, name: string) =>
    within.getByRole("button", { name, exact: true }).click();
  const shows = (within: Page | Locator, text: string) =>
    within.getByText(text, { exact: true }).first().waitFor();
  const becomes = (reader: Locator, state: string) => reader.locator(`[data-state="${state}"]`).waitFor();
  const proof = (reader: Locator, verdict: "right" | "wrong") =>
    reader.locator(`[data-proof=${verdict}]`).waitFor();

  /** The panel that shows the state of a reader's client. */
  const clientOf = (reader: Locator): Locator => reader.getByRole("region", { name: "Client" });
  const clientIs = (reader: Locator, state: string) =>
    clientOf(reader).locator(`.active[data-status="${state}"]`).waitFor();
  const clientShows = (reader: Locator, text: RegExp) => clientOf(reader).getByText(text).waitFor();
  const choose = (page: Page, client: string) => page.getByLabel(client, { exact: true }).check();
  const NATIVE = "the browser's EventSource";

  /** Waits for a value in the panel of server metrics. */
  const metric = (page: Page, name: string, value: string): Promise<void> =>
    panel(page, "Server metrics")
      .locator("div", { has: page.getByText(name, { exact: true }) })
      .locator("dd", { hasText: new RegExp(`^${value}$`) })
      .waitFor();

  /**
   * Serves jobs that send two events while listing, and two for every 16 files that the semaphore releases.
   */
  async function pausedJob(
    files: Record<string, string>,
  ): Promise<{ app: ServedApp; semaphore: HashSemaphore }> {
    const semaphore = new HashSemaphore();
    const app = await serveApp({ root: tempFolder(files), hashFile: semaphore.hashFile, interval: 0 });
    return { app, semaphore };
  }

  test("a reader that reconnects or joins late gets every event once", async () => {
    const files = manyFiles(320);
    const { app, semaphore } = await pausedJob(files);
    const page = await open(app.url);
    await click(page, "Start a job");
    const reader = panel(page);
    await becomes(reader, "live");
    semaphore.release(96);
    await shows(reader, "14 events, 0 missed, 0 doubled");
    await shows(reader, "96 of 320 files");

    await click(reader, "Cut the connection");
    await becomes(reader, "cut");
    const id = new URL(page.url()).searchParams.get("job") as string;
    semaphore.release(96);
    await until(() => app.jobs.get(id)?.last === 26);
    await shows(reader, "14 events, 0 missed, 0 doubled");
    await click(reader, "Reconnect");
    await shows(reader, "26 events, 0 missed, 0 doubled");
    await becomes(reader, "live");

    app.cutAll();
    await shows(reader, "connection lost (network); holdfast reconnects");
    semaphore.release(32);
    await click(page, "Open a second reader");
    const second = panel(page, "Second reader");
    for (const one of [reader, second]) {
      await shows(one, "30 events, 0 missed, 0 doubled");
      await becomes(one, "live");
    }

    semaphore.releaseAll();
    for (const one of [reader, second]) {
      await becomes(one, "ended: done");
      await shows(one, "43 of 43 events, 0 missed, 0 doubled");
      await shows(one, digestOf(files));
      await proof(one, "right");
      await clientIs(one, "closed");
      await clientShows(one, /^The stream has ended\.$/);
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

  test("the browser's EventSource also gets every event once, but does not report its state", async () => {
    const { app, semaphore } = await pausedJob(manyFiles(64));
    const page = await open(app.url);
    await choose(page, NATIVE);
    await click(page, "Start a job");
    const reader = panel(page);
    semaphore.release(32);
    await shows(reader, "6 events, 0 missed, 0 doubled");
    await clientShows(reader, /EventSource does not report/);
    expect(await clientOf(reader).getByRole("button").count()).toBe(0);

    app.cutAll();
    await shows(reader, "connection lost; EventSource reconnects");
    semaphore.releaseAll();
    await becomes(reader, "ended: done");
    await shows(reader, "11 of 11 events, 0 missed, 0 doubled");
    await proof(reader, "right");

    await page.reload();
    expect(await page.getByLabel(NATIVE).isChecked()).toBe(true);
    await shows(reader, "EventSource connects, from the first event");
    await proof(reader, "right");
  });

  test("no event is lost or doubled when the client changes in the middle of a job", async () => {
    const files = manyFiles(448);
    const { app, semaphore } = await pausedJob(files);
    const page = await open(app.url);
    await click(page, "Start a job");
    await click(page, "Open a second reader");
    const reader = panel(page);
    const second = panel(page, "Second reader");
    for (const client of [NATIVE, "holdfast", NATIVE, "holdfast"]) {
      // The job continues while the client changes.
      semaphore.release(48);
      await choose(page, client);
      semaphore.release(48);
    }
    for (const one of [reader, second]) {
      await shows(one, "50 events, 0 missed, 0 doubled");
      await clientIs(one, "live");
    }
    // A cut reader stays cut, and reconnects with the client that is selected then.
    await click(second, "Cut the connection");
    await choose(page, NATIVE);
    await becomes(reader, "live");
    await becomes(second, "cut");
    await click(second, "Reconnect");

    semaphore.releaseAll();
    for (const one of [reader, second]) {
      await clientShows(one, /EventSource does not report/);
      await shows(one, "59 of 59 events, 0 missed, 0 doubled");
      await shows(one, digestOf(files));
      await proof(one, "right");
    }
  });

  test("the client reports why it lost the connection, when it retries, and when it is live again", async () => {
    const { app, semaphore } = await pausedJob(manyFiles(64));
    const page = await open(app.url);
    await click(page, "Start a job");
    const reader = panel(page);
    semaphore.release(32);
    await clientIs(reader, "live");
    await clientShows(reader, /^none yet$/);
    const height = async () => (await clientOf(reader).boundingBox())?.height;
    const before = await height();

    await page.route("**/stream", (route) => route.abort());
    app.cutAll();
    await clientIs(reader, "retrying");
    await clientShows(reader, /^network: The network failed\.$/);
    await clientShows(reader, /^Attempt \d+ in \d+\.\d s\.$/);
    await becomes(reader, "reconnecting");
    await page.unroute("**/stream");
    await clientIs(reader, "live");
    await clientShows(reader, /^Up to date\.$/);

    await page.route("**/stream", (route) =>
      route.fulfill({ status: 503, headers: { "retry-after": "100" } }),
    );
    await click(reader, "Reconnect now");
    await clientShows(reader, /^unavailable: The server answered 503/);
    const countdown = await clientOf(reader)
      .getByText(/^Attempt 2 in \d+\.\d s\.$/)
      .innerText();
    await clientOf(reader).getByText(countdown).waitFor({ state: "detached" });
    expect(await height()).toBe(before);
    await page.unroute("**/stream");
    await click(reader, "Reconnect now");
    await clientIs(reader, "live");
    await becomes(reader, "live");

    semaphore.releaseAll();
    await shows(reader, "11 of 11 events, 0 missed, 0 doubled");
    await proof(reader, "right");
  });

  test("every event of a cancelled job arrives", async () => {
    const { app, semaphore } = await pausedJob(manyFiles(64));
    const page = await open(app.url);
    await click(page, "Start a job");
    semaphore.release(16);
    await shows(panel(page), "4 events, 0 missed, 0 doubled");
    await click(page, "Cancel the job");
    await becomes(panel(page), "ended: cancelled");
    await shows(panel(page), "4 of 4 events, 0 missed, 0 doubled");
    await proof(panel(page), "right");
    expect(await page.getByRole("button", { name: "Cancel the job" }).isDisabled()).toBe(true);
  });

  test("the page shows why a job cannot be started", async () => {
    const { app } = await pausedJob({});
    const page = await open(app.url);
    await page.getByLabel("Folder to hash").fill("..");
    await click(page, "Start a job");
    await shows(page.getByRole("alert"), `".." is outside the served folder`);
  });

  test("for an unknown job, the client gives up and reports why", async () => {
    const { app } = await pausedJob({});
    const reader = panel(await open(`${app.url}/?job=nobody`));
    await becomes(reader, "given up");
    await shows(reader, "holdfast has given up (refused)");
    await clientIs(reader, "closed");
    await clientShows(reader, /^refused: The server answered 404/);
    await clientShows(reader, /^It does not retry\.$/);
    expect(await reader.getByRole("button", { name: "Reconnect now" }).isDisabled()).toBe(true);
  });

  test("the page shows the result of a job whose events are no longer kept", async () => {
    const app = await serveApp({ root: tempFolder(manyFiles(20)), linger: 0 });
    const page = await open(app.url);
    await click(page, "Start a job");
    await becomes(panel(page), "ended: done");
    await until(() => app.jobs.size === 0);
    await page.reload();
    await shows(panel(page), "1 of 1 event, 0 missed, 0 doubled");
    await shows(panel(page), "The events of this job are no longer kept; this is its result.");
    await shows(panel(page), "20 of 20 files");
  });

  test("the server metrics are shown and updated", async () => {
    const { app, semaphore } = await pausedJob(manyFiles(64));
    const page = await open(app.url);
    await metric(page, "Streams", "0");
    await click(page, "Start a job");
    semaphore.release(32);
    await metric(page, "Connections", "1");
    await metric(page, "Events pushed", "6");
    semaphore.releaseAll();
    await metric(page, "Ended streams", "1");
    await metric(page, "Connections", "0");
    await metric(page, "Events delivered", "11");
  });

  test("a job survives its process: the page counts 0 missed, 0 doubled after each kill", async () => {
    const server = runServer(join(import.meta.dirname, "../start.ts"), { PORT: "0" });
    const url = await server.firstLine("stdout");
    // It takes minutes: the test ends it.
    const body = JSON.stringify({ path: "packages", filesPerSecond: 12 });
    const started = (await (await fetch(`${url}/jobs`, { method: "POST", body })).json()) as { id: string };
    const page = await open(`${url}/?job=${started.id}`);
    const reader = panel(page);
    await becomes(reader, "live");

    const status = page.getByText(/^Process \d+ was killed; process \d+ continues\.$/);
    for (let kill = 0; kill < 2; kill++) {
      const before = kill === 0 ? "" : await status.innerText();
      const received = await reader.locator("[data-name=count]").innerText();
      await click(page, "Kill the server");
      await until(async () => (await status.count()) === 1 && (await status.innerText()) !== before);
      // The job goes on, and so does the reader.
      await until(async () => (await reader.locator("[data-name=count]").innerText()) !== received);
      await reader.getByText(/^\d+( of \d+)? events, 0 missed, 0 doubled$/).waitFor();
    }
    await takeScreenshots(page, killedScreenshots);
    await click(page, "Cancel the job");
    await becomes(reader, "ended: cancelled");
    await reader.getByText(/^(\d+) of \1 events, 0 missed, 0 doubled$/).waitFor();
    await proof(reader, "right");

    // The page cannot kill a process that nobody would start again.
    const { app } = await pausedJob({});
    const other = await open(app.url);
    expect(await other.getByRole("button", { name: "Kill the server" }).isVisible()).toBe(false);
  });

  /** Opens the page with a made-up response of the server. */
  async function openOn(stream: string, { status = 200, client = "" } = {}): Promise<Locator> {
    const { app } = await pausedJob({});
    const page = await open(`${app.url}/?job=made-up&client=${client}`, (newPage) =>
      newPage.route("**/stream", (route) =>
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

  test("lost events are counted and logged", async () => {
    const reset = frame("stream.reset", { reason: "trimmed", lost: [1, 40] }, "40");
    const reader = await openOn(reset + file(41) + file(42) + end(43));
    await shows(reader, "2 of 42 events, 40 missed, 0 doubled");
    await shows(reader, "reset (trimmed): events 1 to 40 are lost");
    await proof(reader, "wrong");
  });

  test("a missing and a doubled event are detected", async () => {
    const stream = file(1) + file(1) + file(2) + file(4) + end(6);
    // ResilientEventSource would drop the duplicate.
    const reader = await openOn(stream, { client: "native" });
    await shows(reader, "3 of 5 events, 2 missed, 1 doubled");
    await proof(reader, "wrong");
  });

  test("a reset without a range starts over", async () => {
    const reset = frame("stream.reset", { reason: "epoch", lost: null }, "0");
    const reader = await openOn(file(1) + file(2) + reset + file(1) + end(2, "cancelled"));
    await shows(reader, "1 of 1 event, 0 missed, 0 doubled");
    await shows(reader, "reset (epoch): starting over");
  });

  test("a digest that does not match the received events is detected", async () => {
    const done = { files: 1, errors: 0, filesPerSecond: 1, events: 2, digest: "another" };
    const reader = await openOn(file(1) + frame("done", done, "2") + end(3));
    await shows(reader, "2 of 2 events, 0 missed, 0 doubled");
    await shows(reader, "The received hashes give a different digest.");
    await proof(reader, "wrong");
  });

  test("a failed stream is logged", async () => {
    const error = frame("stream.error", { code: "SOURCE_FAILED", message: "The stream failed." });
    const reader = await openOn(error + end(1, "failed"));
    await becomes(reader, "ended: failed");
    await shows(reader, "error SOURCE_FAILED: The stream failed.");
    await clientShows(reader, /^failed: The stream failed\.$/);
  });

  test("after a drain, the reader reconnects", async () => {
    const reader = await openOn(frame("stream.drain", { reason: "shutdown" }));
    await becomes(reader, "reconnecting");
    await shows(reader, "drained (shutdown); will reconnect later");
    await clientIs(reader, "retrying");
    await clientShows(reader, /^shutdown$/);
  });

  test("after a 404, the reader stays disconnected until the user reconnects", async () => {
    const reader = await openOn("", { status: 404, client: "native" });
    await becomes(reader, "given up");
    await shows(reader, "EventSource has given up");
    await reader.getByRole("button", { name: "Reconnect", exact: true }).waitFor();
  });
});
