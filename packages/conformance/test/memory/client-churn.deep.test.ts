import { expect, test } from "vitest";
import { type ServerProcess, startServerProcess } from "./server-process.ts";
import { EMPTY } from "./feed.ts";
import { connectAndLeave, type Target } from "./connect-and-leave.ts";

// Tests core and the adapters for leaks: nothing is left of clients that have disconnected.

const CONCURRENCY = 50;
/** Clients before the first measurement: until then caches and pools fill, and code is compiled. */
const WARM_UP = 1_000;
/** For 20,000 clients this is 50 bytes each. */
const MARGIN = 1 << 20;

const targets: readonly Target[] = [
  { path: "/job", until: "data: first\n\n" },
  { path: "/bare", until: "data: first\n\n" },
  { path: "/later", until: '"state":"waiting"' },
];

/** Connects and disconnects `count` clients, some of them at the same time. */
async function connectClients(server: ServerProcess, count: number): Promise<void> {
  let started = 0;
  const worker = async (): Promise<void> => {
    for (let number = started++; number < count; number = started++) {
      const target = targets[number % targets.length] as Target;
      await connectAndLeave(server.port, target, number % 2 === 0 ? "reset" : "fin");
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
}

test.each([
  ["node-http", 20_000],
  ["express", 3_000],
  ["hono", 3_000],
] as const)(
  "%s: nothing is left of %i clients that have disconnected",
  { timeout: 600_000 },
  async (framework, count) => {
    const server = await startServerProcess(framework);
    const initial = await server.run("state");
    await connectClients(server, WARM_UP);
    expect(await server.untilDisconnected()).toEqual(initial);
    const before = await server.run("memory");

    await connectClients(server, count);
    expect(await server.untilDisconnected()).toEqual(initial);
    const after = await server.run("memory");
    expect(after.resources).toEqual(before.resources);
    expect(after.alive - before.alive).toBeLessThan(CONCURRENCY);
    expect(after.bytes - before.bytes).toBeLessThan(MARGIN);
    expect(await server.run("close")).toEqual(EMPTY);
  },
);
