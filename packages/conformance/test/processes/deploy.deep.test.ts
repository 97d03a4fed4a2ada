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
    {
      service: "whose web servers run the jobs",
      groups: [["web-worker-a", "web-worker-b"]],
      // Otherwise a client may have an event of one process, and ask the other for the next one before the store has it.
      durability: "stored",
    },
    {
      service: "with workers apart",
      groups: [
        ["web-a", "web-b"],
        ["worker-a", "worker-b"],
      ],
      durability: "local",
    },
  ] as const)("of a service $service: all jobs and all clients survive it, five times", async (given) => {
    const { groups, durability } = given;
    const deployment = await Deployment.start(groups.flat(), durability);
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
    const outcomes = clients.map(({ ends, resets }) => ({ ends, resets }));
    expect(outcomes).toEqual(clients.map(() => ({ ends: ["done"], resets: [] })));
    for (const [index, id] of ids.entries()) {
      const count = deployment.finished.get(id) as number;
      expect(await expectSameEvents(streams[index] ?? [], "done")).toHaveLength(count);
      const { events } = filters[index] as RecordingClient;
      const tenths = Array.from({ length: Math.floor(count / 10) }, (_, tenth) => 10 * (tenth + 1));
      expect(events.map(dataOf)).toEqual(tenths);
    }
    for (const { events } of feeds) expect(events.map(dataOf)).toEqual(events.map((_, index) => index + 1));
  });
});

const dataOf = (event: string): number => Number(event.split(" ")[1]);
