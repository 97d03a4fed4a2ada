import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, inject, onTestFinished, test, vi } from "vitest";
import { follow, type Received } from "../../../common/test/follow.ts";
import { until } from "../../../common/test/until.ts";
import { expectCleanShutdown } from "../../../shutdown/test/expect-clean-shutdown.ts";
import { type Command, type RunningServer, startServer } from "../../../shutdown/test/run-server.ts";
import { buildApp, createTemporaryFolder, installApp } from "./install-app.ts";

const MINUTES = 60_000;
const APPS = join(import.meta.dirname, "../../apps");

interface App {
  /** Why there is no test for SIGTERM: a note below the table. */
  readonly withoutSigterm?: string;
  /** Why the registry is lost in a reload in development: a note below the table. */
  readonly losesRegistry?: string;
  /** The module of the registry, which the test changes to cause a reload. Without it, there is no development server. */
  readonly changes?: string;
  /** More tests of this app, which is installed in the folder that the function returns. */
  readonly more?: (folder: () => string) => void;
}

/** What `/status` responds. */
interface Status {
  readonly connections: number;
  /** Set by a module that the test has changed. */
  readonly edition?: string;
}

/**
 * Installs an app of `examples/frameworks/apps` from the packed packages, builds it, and tests it as its users meet it. It
 * serves a stream at `/jobs/<id>`, and the gauges of its registry at `/status`. The names of the tests are the columns of
 * the table in docs/frameworks.md.
 */
export function testApp(name: string, { withoutSigterm, losesRegistry, changes, more }: App): void {
  describe(name, { timeout: 5 * MINUTES }, () => {
    const folder = createTemporaryFolder();
    const cwd = join(folder.path, name);
    let server: RunningServer;

    // A test, not a hook: tests behind a hook that fails count as skipped.
    test("the app can be installed, built and started", { timeout: 20 * MINUTES }, async () => {
      await installApp(join(APPS, name), cwd, inject("tarballs"));
      await buildApp(cwd);
      server = await startServer(commandOf(cwd, "start"));
    });
    afterAll(() => {
      server?.kill();
      folder.remove();
    });

    test("stream", async () => {
      const received = await readAndLeave(`${server.url}/jobs/stream`, 3);
      expect(received[0]).toMatchObject({ event: "stream.open", data: { state: "live" } });
      expect(ticksOf(received)).toEqual([1, 2, 3]);
    });

    test("resume", async () => {
      const before = await readAndLeave(`${server.url}/jobs/resume`, 2);
      const after = await readAndLeave(`${server.url}/jobs/resume`, 2, before.at(-1)?.id);
      expect(ticksOf(after)).toEqual([3, 4]);
      expect(after.map(({ event }) => event)).not.toContain("stream.reset");
    });

    test("disconnect", async () => {
      const hasConnections = (count: number): Promise<void> =>
        until(async () => (await statusOf(server, "disconnect")).connections === count);
      await hasConnections(0);
      const events = follow(`${server.url}/jobs/disconnect`);
      await events.next();
      await hasConnections(1);
      await events.return(undefined);
      await hasConnections(0);
    });

    if (withoutSigterm !== undefined) test.skip(`SIGTERM: ${withoutSigterm}`);
    else test("SIGTERM", () => expectCleanShutdown(commandOf(cwd, "start")));

    /** Starts the development server, reads, and changes the module. Returns what was read, and the open response. */
    async function reload(module: string): Promise<{
      readonly dev: RunningServer;
      readonly url: string;
      readonly before: readonly Received[];
      readonly events: AsyncGenerator<Received>;
    }> {
      const dev = await startServer(commandOf(cwd, "dev"));
      onTestFinished(dev.kill);
      await until(async () => (await statusOf(dev)).connections === 0);
      const url = `${dev.url}/jobs/reload`;
      const events = follow(url);
      const before = await readTicks(events, 2);
      // A development server can serve before it watches its files: it may miss the first change.
      await vi.waitFor(
        async () => {
          appendFileSync(join(cwd, module), '\nprocess.env.EDITION = "2";\n');
          await vi.waitUntil(async () => (await statusOf(dev)).edition === "2", {
            timeout: 20_000,
            interval: 5,
          });
        },
        { timeout: 120_000 },
      );
      return { dev, url, before, events };
    }

    if (losesRegistry !== undefined) test.skip(`dev reload: ${losesRegistry}`);
    if (changes === undefined) return more?.(() => cwd);
    if (losesRegistry === undefined) {
      test("dev reload", async () => {
        const { dev, url, before, events } = await reload(changes);
        // The changed modules find the registry that the client is connected to.
        expect((await statusOf(dev)).connections).toBe(1);
        expect(ticksOf(await readTicks(events, 2))).toEqual([3, 4]);
        const resumed = await readAndLeave(url, 2, before.at(-1)?.id);
        expect(ticksOf(resumed)).toEqual([3, 4]);
        expect(resumed.map(({ event }) => event)).not.toContain("stream.reset");
        await events.return(undefined);
      });
    } else {
      test("a reload loses the registry: who reconnects is told so, and starts over", async () => {
        const { url, before, events } = await reload(changes);
        const resumed = await readAndLeave(url, 2, before.at(-1)?.id);
        expect(resumed.map(({ event }) => event)).toContain("stream.reset");
        expect(ticksOf(resumed)).toEqual([1, 2]);
        await events.return(undefined).catch(() => undefined); // the development server may have cut it
      });
    }
    more?.(() => cwd);
  });
}

/** A script of an app as a command, without npm, which does not pass signals on. */
export function commandOf(cwd: string, script: "start" | "dev"): Command {
  const { scripts } = JSON.parse(readFileSync(join(cwd, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  const words = (scripts[script] as string).split(" ");
  const first = words.findIndex((word) => !word.includes("="));
  const variables = words.slice(0, first).map((word) => word.split("="));
  const [program = "", ...args] = words.slice(first);
  return {
    ...(program !== "node" && { program: join(cwd, "node_modules/.bin", program) }),
    args,
    cwd,
    env: {
      NODE_ENV: script === "dev" ? "development" : "production",
      VITEST: "", // Vite's plugins behave differently under Vitest
      NEXT_TELEMETRY_DISABLED: "1",
      NUXT_TELEMETRY_DISABLED: "1",
      ASTRO_TELEMETRY_DISABLED: "1",
      ...Object.fromEntries(variables),
    },
  };
}

/** Reads until so many ticks have come. The generator stays open. */
async function readTicks(events: AsyncGenerator<Received>, count: number): Promise<Received[]> {
  const received: Received[] = [];
  while (ticksOf(received).length < count) {
    const { done, value } = await events.next();
    if (done) throw new Error(`The stream ended after ${JSON.stringify(received)}`);
    received.push(value);
  }
  return received;
}

async function readAndLeave(url: string, count: number, lastEventId?: string): Promise<Received[]> {
  const events = follow(url, lastEventId);
  const received = await readTicks(events, count);
  await events.return(undefined);
  return received;
}

const ticksOf = (received: readonly Received[]): number[] =>
  received.filter(({ event }) => event === "tick").map(({ data }) => data as number);

/** The app for Workers has one registry for each job; the others have one for all. */
async function statusOf({ url }: RunningServer, job = ""): Promise<Partial<Status>> {
  const response = await fetch(`${url}/status?job=${job}`).catch(() => undefined); // it may be restarting
  return response?.ok ? ((await response.json()) as Status) : {};
}
