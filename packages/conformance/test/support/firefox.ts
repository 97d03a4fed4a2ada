import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { afterAll, beforeAll, describe } from "vitest";
import { findOrInstall } from "../../../../examples/common/test/find-or-install.ts";
import { BidiConnection } from "./bidi-connection.ts";
import { FirefoxPage } from "./firefox-page.ts";
import { startGroup } from "./process-group.ts";

const executable = findOrInstall("firefox-esr", "firefox");

/** Firefox starts in 3 s, or in 30 s on a busy machine. */
const START_TIMEOUT = 180_000;

/**
 * With remote control, Firefox turns its telemetry, updates and captive portal detection off by itself. The proxy ensures
 * that it reaches no other machine: nothing listens at its port. Requests to this machine do not use the proxy.
 */
const PREFERENCES = {
  "browser.startup.homepage_override.mstone": "ignore", // no page about what is new
  "browser.startup.page": 0,
  "datareporting.policy.dataSubmissionEnabled": false, // no page about privacy
  "dom.ipc.processCount": 1,
  "dom.ipc.processCount.webIsolated": 4, // tabs of one site
  "dom.ipc.processPrelaunch.enabled": false,
  "media.gmp-manager.updateEnabled": false, // no downloads of video codecs
  "network.proxy.http": "127.0.0.1",
  "network.proxy.http_port": 9,
  "network.proxy.ssl": "127.0.0.1",
  "network.proxy.ssl_port": 9,
  "network.proxy.type": 1,
  "services.settings.server": "data:,#remote-settings-dummy/v1",
};

const ENVIRONMENT = {
  // Without it, a release ignores `services.settings.server`.
  MOZ_REMOTE_SETTINGS_DEVTOOLS: "1",
};

interface Firefox {
  readonly page: FirefoxPage;
  readonly profile: string;
  close(): Promise<void>;
}

/** Tests in Firefox. They share one page, because a browser is slow to start. */
export function describeInFirefox(
  name: string,
  tests: (page: () => FirefoxPage, profile: () => string) => void,
): void {
  describe.skipIf(executable === undefined)(name, () => {
    let firefox: Firefox | undefined;
    beforeAll(async () => {
      firefox = await startFirefox(executable as string);
    }, START_TIMEOUT);
    afterAll(() => firefox?.close());
    tests(
      () => (firefox as Firefox).page,
      () => (firefox as Firefox).profile,
    );
  });
}

async function startFirefox(path: string): Promise<Firefox> {
  const profile = await mkdtemp(join(tmpdir(), "holdfast-firefox-"));
  await writeFile(join(profile, "user.js"), Object.entries(PREFERENCES).map(preferenceLine));
  const args = ["--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0"];
  // Firefox refuses to run as root in the home of another user.
  const group = startGroup([path, ...args, "about:blank"], { ...ENVIRONMENT, HOME: profile });
  const close = async (): Promise<void> => {
    await group.kill();
    await rm(profile, { recursive: true, force: true, maxRetries: 10 });
  };
  try {
    const page = await FirefoxPage.connect(await BidiConnection.open(await readUrl(group.output)));
    return { page, profile, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function preferenceLine([name, value]: [string, unknown]): string {
  return `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`;
}

/** Firefox prints the address of its WebSocket when it listens. */
async function readUrl(output: Readable): Promise<string> {
  for await (const line of createInterface({ input: output })) {
    const url = /^WebDriver BiDi listening on (ws:\S+)$/.exec(line)?.[1];
    if (url === undefined) continue;
    output.resume();
    return `${url}/session`;
  }
  throw new Error("Firefox exited before it listened.");
}
