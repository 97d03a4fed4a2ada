import { expect, onTestFinished, test } from "vitest";
import { until } from "../../../common/test/until.ts";
import { type RunningServer, startServer } from "../../../shutdown/test/run-server.ts";
import { commandOf, testApp } from "./test-app.ts";

const REMEDY = "A registry in a module of a Worker does not work";

testApp("workers", {
  withoutSigterm: "Workers get no signal: when an object is restarted, its clients reconnect.",
  losesRegistry: "`wrangler dev` starts new objects after each change.",
  more: (folder) => {
    async function start(mistake: string): Promise<RunningServer> {
      const { args, ...command } = commandOf(folder(), "start");
      const server = await startServer({ ...command, args: [...args, `mistakes/${mistake}.ts`] });
      onTestFinished(server.kill);
      return server;
    }

    test("a registry in a module is an error that says what to do, before the first request", async () => {
      const { output } = await start("module-registry"); // wrangler goes on, and waits for a change
      await until(() => output().includes(REMEDY));
    });

    test("a registry that one request has created is such an error in the next one", async () => {
      const { url } = await start("lazy-registry");
      expect((await fetch(url, { method: "HEAD" })).status).toBe(200);
      const second = await fetch(url);
      expect(second.status).toBe(500);
      expect(await second.text()).toContain(REMEDY);
    });
  },
});
