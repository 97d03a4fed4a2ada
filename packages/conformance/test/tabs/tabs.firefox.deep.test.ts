// Tabs of Firefox share one connection, and go on when the one that reads is closed, or its process killed.

import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../../src/harness/eventually.ts";
import { describeInFirefox } from "../support/firefox.ts";
import { killProcessOf } from "../support/firefox-processes.ts";
import { MEMBERS, startTabServer, type TabServer } from "./tab-server.ts";
import { TabWindow } from "./tab-window.ts";

describeInFirefox("in Firefox", (page, profile) => {
  let server: TabServer;
  beforeAll(async () => {
    server = await startTabServer();
  });
  afterAll(() => server.close());

  test("a tab that is closed, or whose process is killed, costs the others nothing", async () => {
    const options = { user: "ann", shareAs: "ann", members: MEMBERS };
    const tabs = new TabWindow(() => page().open(), server, options);
    server.pushAlways("ann");
    const expectOneConnection = (): Promise<void> => eventually(() => expect(server.connections()).toBe(1));
    for (let count = 0; count < 3; count++) await tabs.open();
    for (const kind of ["closed", "killed"]) {
      await tabs.catchUp();
      await expectOneConnection();
      const leader = await tabs.leader();
      if (kind === "closed") await tabs.close(leader);
      else {
        await killProcessOf(profile(), leader);
        tabs.forget(leader);
      }
      await tabs.leader();
      const reports = await tabs.catchUp();
      expect([kind, reports.flatMap(({ errors }) => errors)]).toEqual([kind, []]);
      await expectOneConnection();
      await tabs.open();
    }
    await tabs.catchUp();
    await tabs.closeAll();
  });
});
