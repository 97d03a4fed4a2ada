import { createSharedMultiplex, type SharedMultiplex } from "../../src/tabs/shared-multiplex.ts";
import type { SharedMultiplexOptions } from "../../src/tabs/index.ts";
import { createFakeServer, type FakeServer } from "./fake-server.ts";
import { FakeBrowser, type FakeTab } from "./fake-browser.ts";
import type { Followed } from "./follow.ts";
import { MemberServer } from "./member-server.ts";

export interface Tab {
  readonly tab: FakeTab;
  readonly live: SharedMultiplex;
}

export interface TabWorld {
  readonly server: FakeServer;
  readonly members: MemberServer;
  readonly browser: FakeBrowser;
  readonly openTab: (options?: Partial<SharedMultiplexOptions>) => Tab;
  /** Closes every tab, so that nothing is left. */
  readonly close: () => Promise<void>;
}

/** A server and a browser for one test, whose tabs are of one user. */
export function createTabWorld(...names: string[]): TabWorld {
  const server = createFakeServer();
  const members = new MemberServer(server);
  for (const name of names) members.open(name);
  const browser = new FakeBrowser(server.clock, () => 0.5);
  const tabs: Tab[] = [];
  return {
    server,
    members,
    browser,
    openTab(options = {}) {
      const tab = browser.openTab();
      const random = (): number => tabs.length / 100 + 0.5;
      const { clock, fetch } = server;
      const settings = { fetch, clock, random, shareAs: "ann", ...options };
      const opened = { tab, live: createSharedMultiplex("http://server.test/live", settings, tab.apis) };
      tabs.push(opened);
      return opened;
    },
    async close() {
      for (const { live } of tabs) live.close();
      await server.clock.advance(50);
    },
  };
}

export const dataOf = ({ messages }: Followed): string[] => messages.map(({ data }) => data);
