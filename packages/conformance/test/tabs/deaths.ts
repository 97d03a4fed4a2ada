import type { Page } from "playwright-core";
import { expect } from "vitest";
import { eventually } from "../../src/harness/eventually.ts";
import type { TabServer } from "./tab-server.ts";
import type { TabWindow } from "./tab-window.ts";

/** Ends a leader for a while, or for good. Returns how there are as many tabs as before. */
export type Death = (
  leader: Page,
  tabs: TabWindow<Page>,
  server: TabServer,
) => Promise<() => Promise<unknown>>;

const devtools = (page: Page) => page.context().newCDPSession(page);

export const deaths: Readonly<Record<string, Death>> = {
  async closed(leader, tabs) {
    await tabs.close(leader);
    return () => tabs.open();
  },
  async killed(leader, tabs) {
    const session = await devtools(leader);
    const isCrashed = leader.waitForEvent("crash");
    // It never answers.
    session.send("Page.crash").catch(() => undefined);
    await isCrashed;
    await tabs.close(leader);
    return () => tabs.open();
  },
  async frozen(leader) {
    const session = await devtools(leader);
    await session.send("Page.setWebLifecycleState", { state: "frozen" });
    return () => session.send("Page.setWebLifecycleState", { state: "active" });
  },
  async cached(leader, _tabs, server) {
    await leader.goto(`${server.url}/elsewhere`);
    return async () => {
      await leader.goBack({ waitUntil: "commit" });
      expect(await leader.evaluate("globalThis.isPersisted")).toBe(true);
    };
  },
  /** No event tells it that it will not run, and its lock stays its own. */
  async stopped(leader) {
    const session = await devtools(leader);
    let isPaused = false;
    session.once("Debugger.paused", () => {
      isPaused = true;
    });
    await session.send("Debugger.enable");
    // On a busy machine, Chromium sometimes forgets this command after it has answered it.
    await eventually(async () => {
      await session.send("Debugger.pause");
      expect(isPaused).toBe(true);
    });
    return () => session.send("Debugger.disable");
  },
};
