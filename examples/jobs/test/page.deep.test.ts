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
  const click = (within: Page | Locator, name: string) =>
    within.getByRole("button", { name, exact: true }).click();
  const shows = (within: Page | Locator, text: string) =>
    within.getByText(text, { exact: true }).first().waitFor();
  const becomes = (reader: Locator, state: string) => reader.locator(`[data-state="${state}"]`).waitFor();
  const proof = (reader: Locator, verdict: "right" | "wrong") =>
    reader.locator(`[data-proof=${verdict}]`).waitFor();

  /** What a reader shows of its client. */
  const clientOf = (reader: Locator): Locator => reader.getByRole("region", { name: "Client" });
  const lights = (reader: Locator, state: string) =>
    clientOf(reader).locator(`.lit[data-status="${state}"]`).waitFor();
  const tells = (reader: Locator, text: RegExp) => clientOf(reader).getByText(text).waitFor();
  const choose = (page: Page, client: string) => page.getByLabel(client, { exact: true }).check();
  const NATIVE = "the browser's EventSource";

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
    await shows(reader, "connection lost (network); holdfast comes back by itself");
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
      await lights(one, "closed");
      await tells(one, /^The stream is over\.$/);
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

  test("the browser's EventSource gets every event once, too, and does not tell how", async () => {
    const { app, valve } = await pausedJob(manyFiles(64));
    const page = await open(app.url);
    await choose(page, NATIVE);
    await click(page, "Start a job");
    const reader = panel(page);
    valve.let(32);
    await shows(reader, "6 events, 0 missed, 0 doubled");
    await tells(reader, /EventSource does not tell/);
    expect(await clientOf(reader).getByRole("button").count()).toBe(0);

    app.cutAll();
    await shows(reader, "connection lost; EventSource comes back by itself");
    valve.open();
    await becomes(reader, "ended: done");
    await shows(reader, "11 of 11 events, 0 missed, 0 doubled");
    await proof(reader, "right");

    await page.reload();
    expect(await page.getByLabel(NATIVE).isChecked()).toBe(true);
    await shows(reader, "EventSource connects, from the first event");
    await proof(reader, "right");
  });

  test("the client can be changed in the middle of a job, and no event is lost or comes twice", async () => {
    const files = manyFiles(448);
    const { app, valve } = await pausedJob(files);
    const page = await open(app.url);
    await click(page, "Start a job");
    await click(page, "Open a second reader");
    const reader = panel(page);
    const second = panel(page, "Second reader");
    for (const client of [NATIVE, "holdfast", NATIVE, "holdfast"]) {
      // It goes on while they change.
      valve.let(48);
      await choose(page, client);
      valve.let(48);
    }
    for (const one of [reader, second]) {
      await shows(one, "50 events, 0 missed, 0 doubled");
      await lights(one, "live");
    }
    // Who is cut stays so, and comes back with the client that is chosen then.
    await click(second, "Cut the connection");
    await choose(page, NATIVE);
    await becomes(reader, "live");
    await becomes(second, "cut");
    await click(second, "Reconnect");

    valve.open();
    for (const one of [reader, second]) {
      await tells(one, /EventSource does not tell/);
      await shows(one, "59 of 59 events, 0 missed, 0 doubled");
      await shows(one, digestOf(files));
      await proof(one, "right");
    }
  });

  test("the client tells why it has lost the connection, when it tries again, and that it is back", async () => {
    const { app, valve } = await pausedJob(manyFiles(64));
    const page = await open(app.url);
    await click(page, "Start a job");
    const reader = panel(page);
    valve.let(32);
    await lights(reader, "live");
    await tells(reader, /^none yet$/);
    const height = async () => (await clientOf(reader).boundingBox())?.height;
    const before = await height();

    await page.route("**/stream", (route) => route.abort());
    app.cutAll();
    await lights(reader, "retrying");
    await tells(reader, /^network: The network failed\.$/);
    await tells(reader, /^Attempt \d+ in \d+\.\d s\.$/);
    await becomes(reader, "reconnecting");
    await page.unroute("**/stream");
    await lights(reader, "live");
    await tells(reader, /^It has everything\.$/);

    await page.route("**/stream", (route) =>
      route.fulfill({ status: 503, headers: { "retry-after": "100" } }),
    );
    await click(reader, "Reconnect now");
    await tells(reader, /^unavailable: The server answered 503/);
    const countdown = await clientOf(reader)
      .getByText(/^Attempt 2 in \d+\.\d s\.$/)
      .innerText();
    await clientOf(reader).getByText(countdown).waitFor({ state: "detached" });
    expect(await height()).toBe(before);
    await page.unroute("**/stream");
    await click(reader, "Reconnect now");
    await lights(reader, "live");
    await becomes(reader, "live");

    valve.open();
    await shows(reader, "11 of 11 events, 0 missed, 0 doubled");
    await proof(reader, "right");
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

  test("for a job that never was the client gives up, and tells why", async () => {
    const { app } = await pausedJob({});
    const reader = panel(await open(`${app.url}/?job=nobody`));
    await becomes(reader, "given up");
    await shows(reader, "holdfast has given up (refused)");
    await lights(reader, "closed");
    await tells(reader, /^refused: The server answered 404/);
    await tells(reader, /^It will not try again\.$/);
    expect(await reader.getByRole("button", { name: "Reconnect now" }).isDisabled()).toBe(true);
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
  async function openOn(stream: string, { status = 200, client = "" } = {}): Promise<Locator> {
    const { app } = await pausedJob({});
    const page = await open(`${app.url}/?job=made-up&client=${client}`, (blank) =>
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
    const stream = file(1) + file(1) + file(2) + file(4) + end(6);
    // The other would leave out what comes twice.
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
    await tells(reader, /^failed: The stream failed\.$/);
  });

  test("a server that drains is said, and come back to", async () => {
    const reader = await openOn(frame("stream.drain", { reason: "shutdown" }));
    await becomes(reader, "reconnecting");
    await shows(reader, "sent away (shutdown), to come back later");
    await lights(reader, "retrying");
    await tells(reader, /^shutdown$/);
  });

  test("a refusal ends it, until the reader reconnects", async () => {
    const reader = await openOn("", { status: 404, client: "native" });
    await becomes(reader, "given up");
    await shows(reader, "EventSource has given up");
    await reader.getByRole("button", { name: "Reconnect", exact: true }).waitFor();
  });
});
