// `registry.disconnect` and the connections of a key, in registries that share a real Redis.

import { createRegistry, type Registry, serve } from "@holdfast/core";
import { createMemoryClient, type MemoryClient } from "@holdfast/core/testing";
import { expect, onTestFinished, test } from "vitest";
import { eventually } from "../../conformance/src/harness/eventually.ts";
import { describeOnRedis, type OnRedis } from "./support/on-redis.ts";

/** A registry with a client of its own, as in a process of its own. */
async function startProcess(on: OnRedis, prefix: string): Promise<Registry> {
  const { store } = await on.open({ prefix });
  const registry = createRegistry({ store });
  onTestFinished(() => registry.close({ deadline: 0, spread: 0 }));
  return registry;
}

function connect(registry: Registry, id: string, key: string): MemoryClient {
  const client = createMemoryClient();
  void serve(client.request, client.open, registry.stream(id), { key });
  return client;
}

describeOnRedis("`disconnect`", (on) => {
  test("ends all connections of a key in every process, also of one that waits, and of nobody else", async () => {
    const processes = await Promise.all([1, 2, 3].map(() => startProcess(on, "kick:")));
    const [first] = processes as [Registry];
    await first.open("job");
    const anna = processes.flatMap((process) => ["job", "missing"].map((id) => connect(process, id, "anna")));
    const ben = processes.map((process) => connect(process, "job", "ben"));
    const { command } = await on.connect();
    const subscribers = async (): Promise<number> => {
      const [channel] = (await command("PUBSUB", "CHANNELS", "kick:*anna*")) as string[];
      return channel === undefined
        ? 0
        : Number(((await command("PUBSUB", "NUMSUB", channel)) as unknown[])[1]);
    };
    await eventually(async () => {
      for (const client of [...anna, ...ben]) expect(client.text).toContain("stream.open");
      // Hints that are published before the subscription are lost.
      expect(await subscribers()).toBe(processes.length);
    });
    await first.disconnect("anna");
    await eventually(() => expect(anna.map(({ state }) => state)).toEqual(anna.map(() => "flushed")));
    for (const client of anna) expect(client.text).toContain("stream.drain");
    await eventually(() => {
      for (const process of processes) {
        expect([process.connections("anna").length, process.connections("ben").length]).toEqual([0, 1]);
      }
    });
    expect(ben.map(({ state }) => state)).toEqual(["open", "open", "open"]);
  });
});
