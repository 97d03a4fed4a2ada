// Many tabs of one browser, over HTTP/1.1, where it opens six connections to a server. `pnpm tabs:survival` lets 200
// leaders die.

import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { eventually } from "../../src/harness/eventually.ts";
import { describeInPlainChromium } from "../support/plain-chromium.ts";
import { deaths } from "./deaths.ts";
import type { TabReport } from "./tab-page.ts";
import { MEMBERS, REPORT, startTabServer, type TabServer } from "./tab-server.ts";
import { reportOf, TabWindow } from "./tab-window.ts";

const TABS = 12;
const DEATHS = Number(process.env["HOLDFAST_RUNS"] ?? 10);
/** Nobody waits for a watchdog, also on a busy machine. */
const LIMIT = 15_000;

describeInPlainChromium("in Chromium", (context) => {
  let server: TabServer;
  beforeAll(async () => {
    server = await startTabServer();
  });
  afterAll(() => server.close());

  /** The tabs of a user, which are closed when the test is finished. */
  function openWindow(user: string, shareAs = user, members = MEMBERS): TabWindow<Page> {
    const newPage = (): Promise<Page> => context().newPage();
    const tabs = new TabWindow(newPage, server, { user, shareAs, members });
    onTestFinished(() => tabs.closeAll());
    return tabs;
  }

  const expectOneConnection = (): Promise<void> => eventually(() => expect(server.connections()).toBe(1));

  test(
    `${TABS} tabs with ${MEMBERS.length} streams each have one connection, and ${DEATHS} deaths of their leader cost nothing`,
    { timeout: 240_000 + DEATHS * 60_000 },
    async () => {
      const tabs = openWindow("ann");
      server.pushAlways("ann");
      for (let count = 0; count < TABS; count++) await tabs.open();
      await tabs.catchUp();
      await expectOneConnection();
      const answers = tabs.pages.map((page) =>
        page.evaluate<string>("fetch('/ping').then((response) => response.text())"),
      );
      expect(await Promise.all(answers)).toEqual(Array(TABS).fill("pong"));
      expect(server.connections()).toBe(1);

      const kinds = Object.keys(deaths);
      const delays = new Map<string, number[]>(kinds.map((kind) => [kind, []]));
      for (let count = 0; count < DEATHS; count++) {
        const kind = kinds[count % kinds.length] as string;
        const leader = await tabs.leader();
        const others = tabs.pages.filter((page) => page !== leader);
        await others[count % others.length]?.bringToFront();
        await Promise.all(others.map((page) => page.evaluate("tab.mark()")));
        const restore = await deaths[kind]?.(leader, tabs, server);
        await tabs.leader(others);
        const reports = await tabs.catchUp(others);
        delays.get(kind)?.push(Math.max(...reports.map(({ latency }) => latency)));
        await restore?.();
        const all = await tabs.catchUp();
        expect([kind, all.flatMap(({ errors }) => errors)]).toEqual([kind, []]);
        await expectOneConnection();
      }
      for (const [kind, times] of delays) {
        const sorted = times.toSorted((one, other) => one - other);
        const at = (part: number): number => sorted[Math.floor((sorted.length - 1) * part)] ?? 0;
        console.log(
          `${kind}, ${times.length} times: ${at(0.5)} ms (median), ${at(0.9)} ms (p90), ${at(1)} ms (max)`,
        );
        expect(at(1)).toBeLessThan(LIMIT);
      }
    },
  );

  test("workers share with tabs", async () => {
    const tabs = openWindow("carl");
    server.pushAlways("carl");
    const page = await tabs.open();
    const options = JSON.stringify(tabs.options);
    await page.evaluate(`
      globalThis.worker = new Worker("/worker.js");
      globalThis.sharedWorker = new SharedWorker("/shared-worker.js").port;
      worker.postMessage(${options});
      sharedWorker.postMessage(${options});
      undefined`);
    const ask = (port: string): Promise<TabReport> =>
      page.evaluate<TabReport>(`new Promise((resolve) => {
        ${port}.onmessage = ({ data }) => resolve(data);
        ${port}.postMessage("report");
      })`);
    const count = server.pushed("carl");
    await eventually(async () => {
      const reports = [await ask("worker"), await ask("sharedWorker"), await reportOf(page)];
      expect(Math.min(...reports.flatMap(({ last }) => last))).toBeGreaterThan(count);
      expect(reports.flatMap(({ errors }) => errors)).toEqual([]);
      expect(reports.map(({ role }) => role).toSorted()).toEqual(["follower", "follower", "leader"]);
      expect(server.connections()).toBe(1);
    });
  });

  test("two users of one browser never see each other's events", async () => {
    /** Both wait for their reports, which are opened when the server has so many connections. Resolves with what they got. */
    async function reportsOf(
      users: readonly string[],
      shareAs: (user: string) => string,
      connections: number,
    ): Promise<TabReport[]> {
      const pages: Page[] = [];
      for (const user of users) pages.push(await openWindow(user, shareAs(user), [REPORT]).open());
      await eventually(async () => {
        const states = (await Promise.all(pages.map(reportOf))).map(({ state }) => state);
        expect([states, server.connections()]).toEqual([["waiting", "waiting"], connections]);
      });
      for (const user of users) await server.openReport(user);
      return eventually(async () => {
        const reports = await Promise.all(pages.map(reportOf));
        expect(reports.map(({ last }) => last)).toEqual([[1], [1]]);
        return reports;
      });
    }
    const own = await reportsOf(["dora", "emil"], (user) => user, 2);
    expect(own.map(({ errors }) => errors)).toEqual([[], []]);

    // The test sees it if they do: these two share, as they must not.
    const shared = await reportsOf(["fred", "gina"], () => "everybody", 3);
    expect(shared.map(({ errors }) => errors)).toEqual([[], ["an event of fred"]]);
  });
});
