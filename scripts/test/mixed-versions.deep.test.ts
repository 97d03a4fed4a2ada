/*
 * Servers, clients and stores of this version beside those of an earlier one. The programs are in `mixed`; each runs in a
 * process of its own, from the sources of its version.
 */
import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { redisBinary, startRedis, type RedisServer } from "../../packages/redis/test/support/redis-server.ts";
import { eventually } from "../../packages/conformance/src/harness/eventually.ts";
import { hasEarlier, layOut, start } from "./support/version.ts";

type Version = "current" | "earlier";

interface ClientLine {
  readonly data?: string;
  readonly status?: string;
  readonly reason?: string;
  readonly reset?: unknown;
  readonly over?: string;
}

const canRun = hasEarlier();
const folders = canRun ? { current: layOut("current"), earlier: layOut("earlier") } : undefined;
afterAll(() => Object.values(folders ?? {}).forEach((folder) => rmSync(folder, { recursive: true })));

const folderOf = (version: Version): string => folders?.[version] ?? "";

interface Server {
  readonly url: string;
  /** Calls a command of the program. Rejects with what it threw. */
  readonly call: (name: string, ...args: readonly unknown[]) => Promise<unknown>;
}

async function startServer(version: Version, env: Readonly<Record<string, string>> = {}): Promise<Server> {
  const program = start<{ readonly port: number }>(folderOf(version), ["server.mjs"], env);
  onTestFinished(() => program.stop());
  await eventually(() => expect(program.lines).toHaveLength(1));
  const url = `http://127.0.0.1:${program.lines[0]?.port}`;
  return {
    url,
    async call(name, ...args) {
      const response = await fetch(url, { method: "POST", body: JSON.stringify({ name, args }) });
      const { value, error } = (await response.json()) as { value?: unknown; error?: string };
      if (error !== undefined) throw new Error(error);
      return value;
    },
  };
}

function startClient(version: Version, url: string): readonly ClientLine[] {
  const program = start<ClientLine>(folderOf(version), ["client.mjs", url]);
  onTestFinished(() => program.stop());
  return program.lines;
}

const dataOf = (lines: readonly ClientLine[]): readonly string[] => lines.flatMap(({ data }) => data ?? []);
const untilData = (lines: readonly ClientLine[], ...data: readonly string[]): Promise<void> =>
  eventually(() => expect(dataOf(lines)).toEqual(data));
const untilOver = (lines: readonly ClientLine[], over: string): Promise<void> =>
  eventually(() => expect(lines.at(-1)).toEqual({ over }));

describe.skipIf(!canRun).each<[Version, Version]>([
  ["current", "earlier"],
  ["earlier", "current"],
])("a server of the %s version, and a client of the %s one", (serverVersion, clientVersion) => {
  test("a client that is cut off resumes, and stops at the end", async () => {
    const server = await startServer(serverVersion);
    await server.call("open", "job");
    await server.call("push", "job", 1, 3);
    const lines = startClient(clientVersion, `${server.url}/job`);
    await untilData(lines, "1", "2", "3");
    await server.call("cut");
    await server.call("push", "job", 4, 5);
    await untilData(lines, "1", "2", "3", "4", "5");
    await server.call("end", "job");
    await untilOver(lines, "done");
    expect(dataOf(lines)).toEqual(["1", "2", "3", "4", "5"]);
    expect(lines.filter(({ reset }) => reset !== undefined)).toEqual([]);
  });

  test("a client waits for a stream, and sees that it has failed", async () => {
    const server = await startServer(serverVersion);
    const lines = startClient(clientVersion, `${server.url}/job`);
    await eventually(() => expect(lines).toContainEqual({ status: "waiting" }));
    await server.call("open", "job");
    await server.call("push", "job", 1, 1);
    await server.call("fail", "job");
    await untilOver(lines, "failed");
    expect(dataOf(lines)).toEqual(["1"]);
  });

  test("a client that is drained at a shutdown tries again, and shows no end", async () => {
    const server = await startServer(serverVersion);
    await server.call("open", "job");
    await server.call("push", "job", 1, 2);
    const lines = startClient(clientVersion, `${server.url}/job`);
    await untilData(lines, "1", "2");
    const closed = server.call("close");
    await eventually(() => expect(lines).toContainEqual({ status: "retrying", reason: "shutdown" }));
    await closed;
    expect(lines.filter(({ over }) => over !== undefined)).toEqual([]);
  });
});

describe.skipIf(!canRun)("what an earlier client does not know yet", () => {
  test("an interrupted stream that continues under another epoch is one story for it", async () => {
    const server = await startServer("current");
    await server.call("open", "job", { retryWindow: 600_000 });
    await server.call("push", "job", 1, 2);
    const lines = startClient("earlier", `${server.url}/job`);
    await untilData(lines, "1", "2");
    await server.call("fail", "job");
    await server.call("open", "job", { retryWindow: 600_000, ifExists: "append" });
    await server.call("push", "job", 3, 3);
    await untilData(lines, "1", "2", "3");
    await server.call("cut");
    await server.call("push", "job", 4, 4);
    await server.call("end", "job");
    await untilOver(lines, "done");
    expect(dataOf(lines)).toEqual(["1", "2", "3", "4"]);
    expect(lines.filter(({ reset }) => reset !== undefined)).toEqual([]);
  });
});

describe.skipIf(!canRun || redisBinary === undefined)("two versions on one Redis", () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  const onRedis = (version: Version, prefix = ""): Promise<Server> =>
    startServer(version, { REDIS_PORT: String(redis.port), PREFIX: prefix });

  // The earlier version wrote no layout. When the versions have the same one, they share streams: then test that here.
  test("a stream in another layout is refused, and the reason names both layouts", async () => {
    const [earlier, current] = [await onRedis("earlier"), await onRedis("current")];
    await earlier.call("open", "job");
    await earlier.call("push", "job", 1, 1);
    await expect(current.call("open", "job", { ifExists: "replace" })).rejects.toThrow(
      /STORE_UNAVAILABLE .*the layout of an unreleased version, and .* uses layout 1/,
    );
    // The stream is as it was, for the servers and clients of its version.
    const lines = startClient("current", `${earlier.url}/job`);
    await earlier.call("push", "job", 2, 2);
    await earlier.call("end", "job");
    await untilOver(lines, "done");
    expect(dataOf(lines)).toEqual(["1", "2"]);
  });

  test("with prefixes of their own, each serves its streams", async () => {
    const [earlier, current] = [await onRedis("earlier", "old:"), await onRedis("current", "new:")];
    const versions = { earlier, current };
    for (const [version, server] of Object.entries(versions) as [Version, Server][]) {
      await server.call("open", "job");
      await server.call("push", "job", 1, 2);
      const lines = startClient(version, `${server.url}/job`);
      await untilData(lines, "1", "2");
      await server.call("end", "job");
      await untilOver(lines, "done");
    }
  });
});
