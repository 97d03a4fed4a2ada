import type { Browser, BrowserContext } from "playwright-core";
import { expect, test } from "vitest";
import { eventually } from "../../src/harness/eventually.ts";
import { describeInChromium } from "../support/chromium.ts";
import { loadClient } from "./client-page.ts";
import { startScriptedServer } from "./scripted-server.ts";
import { ADVERSARIES, type Server, SERVERS } from "./servers.ts";

// Covers packages/client/src in Chromium: how often it asks, beside the browser's EventSource. The same in Node, and in
// simulated time: request-rate.test.ts.

/** So many requests of an EventSource take at least six seconds, if the server does not shorten its delay. */
const REQUESTS = 3;
const WINDOW = 5_000;
const LIMIT = 60_000;
/** How many pages are open at once. */
const PAGES = 8;

interface Row {
  readonly does: string;
  readonly native: number;
  readonly gaveUp: boolean;
  readonly ours: number;
}

describeInChromium("in Chromium", (page) => {
  test(
    "the client makes at most twice as many requests as an EventSource",
    { timeout: 300_000 },
    async () => {
      const servers = [...SERVERS, ...ADVERSARIES].filter(
        // An EventSource reads an endless line until its memory is full. Chromium itself repeats a request that is answered
        // with 408, some times.
        ({ does, answer }) => answer !== undefined && !["an endless line", "408"].includes(does),
      );
      const rows: Row[] = [];
      for (let first = 0; first < servers.length; first += PAGES) {
        const context = await (page().context().browser() as Browser).newContext();
        const batch = servers.slice(first, first + PAGES).map((server) => rowOf(server, context));
        rows.push(...(await Promise.all(batch)));
        await context.close();
      }
      for (const { does, native, gaveUp, ours } of rows)
        console.log(`${does}: ${ours} beside ${native} of an EventSource${gaveUp ? ", which gives up" : ""}`);
      // Where an EventSource gives up, ours must not ask more often in five seconds than where it makes two requests.
      expect(rows.filter(({ native, gaveUp, ours }) => ours > (gaveUp ? 4 : 2) * native)).toEqual([]);
      expect(rows.filter(({ gaveUp, native }) => !gaveUp && native > 1).length).toBeGreaterThan(8);
    },
  );
});

/** Lets both clients ask until the EventSource has given up, waits, or has made enough requests. */
async function rowOf({ does, answer, waits }: Server, context: BrowserContext): Promise<Row> {
  const times = { native: [] as number[], ours: [] as number[] };
  const server = await startScriptedServer((req, res) => {
    const client = new URL(req.url ?? "", "http://localhost").searchParams.get("client");
    if (client !== null) times[client as keyof typeof times].push(performance.now());
    answer?.(req, res);
  });
  const page = await context.newPage();
  await loadClient(page, server.url);
  await page.evaluate(`
    var source = new EventSource("${server.url}?client=native");
    var ours = holdfast.connect("${server.url}?client=ours", { random: () => 0 });
    // The page does not wait for it.
    void (async () => { for await (const event of ours); })().catch(() => {});
  `);
  const hasGivenUp = (): Promise<boolean> =>
    page.evaluate<boolean>("source.readyState === EventSource.CLOSED");
  await eventually(() => expect(times.native.length > 0 && times.ours.length > 0).toBe(true), LIMIT);
  const start = times.ours[0] as number;
  const isOver = (ms: number): boolean => performance.now() > start + ms;
  const isWaiting = (): boolean => waits !== undefined || isOver(4 * WINDOW);
  await eventually(async () => {
    const isDecided = times.native.length >= REQUESTS || isWaiting() || (await hasGivenUp());
    expect(isDecided).toBe(true);
  }, LIMIT);
  const gaveUp = await hasGivenUp();
  const isAsking = times.native.length >= REQUESTS;
  if (!isAsking) await eventually(() => expect(isOver(WINDOW)).toBe(true), LIMIT);
  const until = isAsking ? (times.native[REQUESTS - 1] as number) : start + WINDOW;
  return {
    does,
    gaveUp,
    native: Math.min(times.native.length, REQUESTS),
    ours: times.ours.filter((time) => time <= until).length,
  };
}
