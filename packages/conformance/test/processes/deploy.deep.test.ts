import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { redisBinary } from "../../../redis/test/support/redis-server.ts";
import { eventually } from "../../src/harness/eventually.ts";
import { Deployment } from "./deployment.ts";
import {
  type ConnectClient,
  connectClient,
  connectEventSource,
  connectStandardClient,
  type RecordingClient,
} from "./recording-client.ts";
import { expectSameEvents } from "./two-servers.ts";

const JOBS = 10;
const ROUNDS = 5;
const LIMIT = 120_000;

/*
 * Scenario: a service is deployed again and again while clients of all kinds read. Covers the closing of a registry,
 * interrupted streams over a store, and the lines of docs/shutdown.md.
 */

test("the processes of this scenario close as docs/shutdown.md says", () => {
  const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");
  const [, lines] =
    /```ts\n(process\.once\("SIGTERM".*?)```/s.exec(read("../../../../docs/shutdown.md")) ?? [];
  expect(read("deployed-server.ts")).toContain(lines);
});

describe.skipIf(redisBinary === undefined)("a rolling deploy", { timeout: 900_000 }, () => {
  test.each([
    ["whose web servers run the jobs", [["web-worker-a", "web-worker-b"]]],
    [
      "with workers apart",
      [
        ["web-a", "web-b"],
        ["worker-a", "worker-b"],
      ],
    ],
  ])("of a service %s: all jobs and all clients survive it, five times", async (_name, groups) => {
    const deployment = await Deployment.start(groups.flat());
    const ids = Array.from({ length: JOBS }, (_, index) => `job-${index}`);
    for (const id of ids) deployment.run(id);

    const connectTo = (path: string, connect: ConnectClient): RecordingClient =>
      connect(() => deployment.balancer.port, path);
    const streams = ids.map((id) =>
      [connectEventSource, connectClient, connectStandardClient].map((connect) =>
        connectTo(`/streams/${id}`, connect),
      ),
    );
    const filters = ids.map((id, index) =>
      connectTo(`/filtered/${id}`, index % 2 === 0 ? connectEventSource : connectClient),
    );
    const feeds = ids.map((_, index) =>
      connectTo("/feed", index % 2 === 0 ? connectEventSource : connectClient),
    );
    const clients = [...streams.flat(), ...filters, ...feeds];
    expect(clients).toHaveLength(50);

    const ended = (): number => clients.filter(({ ends }) => ends.length > 0).length;

    /** Waits until each client has got something new, unless one gets an end. */
    async function untilAllGoOn(): Promise<void> {
      const before = clients.map(({ events }) => events.length);
      const quiet = (): number =>
        clients.filter(({ events }, index) => events.length <= (before[index] as number)).length;
      await eventually(() => expect(quiet() === 0 || ended() > 0).toBe(true), LIMIT);
      expect(ended()).toBe(0);
    }

    await untilAllGoOn();
    const replaceAll = async (names: readonly string[]): Promise<void> => {
      for (let round = 1; round <= ROUNDS; round++) {
        for (const name of names) {
          await deployment.replace(name);
          await untilAllGoOn();
        }
      }
    };
    await Promise.all(groups.map(replaceAll));
    deployment.finish();

    await eventually(() => expect(ended()).toBe(clients.length), LIMIT);
    await eventually(() => expect(deployment.finished.size).toBe(JOBS), LIMIT);
    for (const [index, id] of ids.entries()) {
      const count = deployment.finished.get(id) as number;
      expect(await expectSameEvents(streams[index] ?? [], "done")).toHaveLength(count);
      const { events, ends, resets } = filters[index] as RecordingClient;
      const tenths = Array.from({ length: Math.floor(count / 10) }, (_, tenth) => 10 * (tenth + 1));
      expect([events.map(dataOf), ends, resets]).toEqual([tenths, ["done"], []]);
    }
    for (const { events, ends, resets } of feeds) {
      expect([events.map(dataOf), ends, resets]).toEqual([events.map((_, index) => index + 1), ["done"], []]);
    }
  });
});

const dataOf = (event: string): number => Number(event.split(" ")[1]);
