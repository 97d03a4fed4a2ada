import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { type Browser, type BrowserContext, chromium } from "playwright-core";
import { afterAll, beforeAll, describe } from "vitest";
import { CHROMIUM_FLAGS, findChromiumPath } from "../../../../examples/common/test/chromium.ts";
import { startGroup } from "./process-group.ts";

const executable = findChromiumPath();

/**
 * Tests in a Chromium as people use it: only one tab is visible, hidden ones can be frozen, and pages enter the
 * back/forward cache. Playwright prevents all three in browsers that it starts.
 */
export function describeInPlainChromium(name: string, tests: (context: () => BrowserContext) => void): void {
  describe.skipIf(executable === undefined)(name, () => {
    let browser: Browser | undefined;
    let close = async (): Promise<void> => undefined;
    beforeAll(async () => {
      const profile = await mkdtemp(join(tmpdir(), "holdfast-chromium-"));
      const flags = [...CHROMIUM_FLAGS, "--headless=new", "--remote-debugging-port=0"];
      const group = startGroup([executable as string, ...flags, `--user-data-dir=${profile}`, "about:blank"]);
      close = async () => {
        await group.kill();
        await rm(profile, { recursive: true, force: true, maxRetries: 10 });
      };
      browser = await chromium.connectOverCDP(await readUrl(group.output), { noDefaults: true });
    });
    afterAll(async () => {
      await browser?.close();
      await close();
    });
    tests(() => browser?.contexts()[0] as BrowserContext);
  });
}

/** Chromium prints the address of its WebSocket when it listens. */
async function readUrl(output: Readable): Promise<string> {
  for await (const line of createInterface({ input: output })) {
    const url = /^DevTools listening on (ws:\S+)$/.exec(line)?.[1];
    if (url === undefined) continue;
    output.resume();
    return url;
  }
  throw new Error("Chromium exited before it listened.");
}
