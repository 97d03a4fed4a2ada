// What registries on a real Redis do while it fails, in real time.

import { setTimeout as pause } from "node:timers/promises";
import { createRegistry, type Registry, serve, type Store } from "@holdfast/core";
import { createMemoryClient, type MemoryClient } from "@holdfast/core/testing";
import { expect, onTestFinished, test } from "vitest";
import { eventually } from "../../conformance/src/harness/eventually.ts";
import { redisStore } from "../src/index.ts";
import { describeOnRedis, type OnRedis } from "./support/on-redis.ts";

/** How many streams each of two processes produces. */
const STREAMS = 300;
/** Long enough for each stream to renew its lease three times, in ms. */
const WINDOW = 15_000;

interface Process {
  readonly registry: Registry;
  /** What the observer's `failed` was called with. */
  readonly failed: { readonly id: string | undefined; readonly error: unknown }[];
  /** From now on nothing of this process reaches Redis. */
  readonly kill: () => void;
  readonly connect: (id: string) => MemoryClient;
}

/** A registry with a client of its own, as in a process of its own. */
async function startProcess({ connect }: OnRedis, prefix: string): Promise<Process> {
  const { client } = await connect();
  let isKilled = false;
  const store = redisStore({ client, prefix });
  const link: Store = {
    ...store,
    open: (id, options) => (isKilled ? new Promise(() => undefined) : store.open(id, options)),
    append: (id, append) => (isKilled ? new Promise(() => undefined) : store.append(id, append)),
  };
  const failed: Process["failed"] = [];
  const registry = createRegistry({ store: link, observer: { failed: (info) => void failed.push(info) } });
  onTestFinished(() => registry.close({ deadline: 0, spread: 0 }));
  return {
    registry,
    failed,
    kill() {
      isKilled = true;
    },
    connect(id) {
      const memory = createMemoryClient();
      void serve(memory.request, memory.open, registry.stream(id));
      return memory;
    },
  };
}

describeOnRedis("registries on a Redis", (on) => {
  test("that is full send no more commands than in quiet times, and report it once", async () => {
    const { command } = await on.connect();
    const countCommands = async (): Promise<number> => {
      await command("CONFIG", "RESETSTAT");
      await pause(WINDOW);
      const stats = String(await command("INFO", "commandstats"));
      const calls = Array.from(stats.matchAll(/^cmdstat_[^:]+:calls=(\d+)/gm), ([, count]) => Number(count));
      return calls.reduce((sum, count) => sum + count, 0);
    };
    const processes = await Promise.all([startProcess(on, "full:"), startProcess(on, "full:")]);
    const jobs = await Promise.all(
      processes.flatMap(({ registry }, process) =>
        Array.from({ length: STREAMS }, (_, number) => registry.open(`${process}-${number}`)),
      ),
    );
    const reader = processes[1].connect("0-0");
    const quiet = await countCommands();
    await command("CONFIG", "SET", "maxmemory", "1mb");
    try {
      const full = await countCommands();
      for (const job of jobs) job.push({ data: "x" });
      const fullAndPushing = await countCommands();
      console.log(`commands in ${WINDOW} ms: quiet ${quiet}, full ${full}, and pushing ${fullAndPushing}`);
      expect(full).toBeLessThan(2 * quiet);
      expect(fullAndPushing).toBeLessThan(2 * quiet);
      expect(processes.map(({ failed }) => failed.length)).toEqual([1, 1]);
      expect(processes[0].failed[0]?.error).toMatchObject({ code: "STORE_UNAVAILABLE" });
    } finally {
      await command("CONFIG", "SET", "maxmemory", "0");
    }
    await eventually(() => expect(reader.text).toContain("data: x"));
    await Promise.all(jobs.map((job) => job.flush()));
    await Promise.all(jobs.map((job) => job.end()));
    const ends = await Promise.all(jobs.map(({ id }) => processes[0].registry.find(id)));
    expect(ends.filter((info) => info?.status === "done")).toHaveLength(jobs.length);
  }, 120_000);

  test("tell the readers of a dead producer in time, while others ask for ids that are impossible or broken", async () => {
    const { command } = await on.connect();
    await command("SET", "ids:{string}:m", "not a hash");
    await command("HSET", "ids:{hash}:m", "kind", "something else");
    await command("HSET", "ids:{fields}:m", "kind", "stream", "epoch", "aaaaaaaaaa", "fence", "1");
    const [producer, reader] = await Promise.all([startProcess(on, "ids:"), startProcess(on, "ids:")]);
    await producer.registry.open("dead");
    const client = reader.connect("dead");
    const waiting = ["string", "hash", "fields"].map((id) => reader.connect(id));
    await eventually(() => expect(client.text).toContain("stream.live"));

    producer.kill();
    const killedAt = performance.now();
    // In time: a lease, and 5 s until somebody looks. The asking does not stop before.
    const isOver = (): boolean => client.text.includes("stream.end") || performance.now() > killedAt + 60_000;
    for (let round = 0; !isOver(); round++) {
      const broken = ["string", "hash", "fields"][round % 3] as string;
      for (const id of ["", "a\nb", "x".repeat(300), broken]) {
        await reader.registry.find(id).catch(() => undefined);
        await reader.registry.cancel(id, "user").catch(() => undefined);
        await reader.registry.open(id).catch(() => undefined);
      }
      await pause(20);
    }
    expect(client.text).toContain('{"status":"lost"}');
    expect(new Set(reader.failed.map(({ id }) => id))).toEqual(new Set(["string", "hash", "fields"]));
    expect(reader.failed.length).toBeLessThanOrEqual(3 + 3);
    expect(waiting.map(({ status }) => status)).toEqual([200, 200, 200]);
  }, 120_000);

  test("do not open a live stream twice when it was flushed", async () => {
    const { command } = await on.connect();
    const [first, second] = await Promise.all([startProcess(on, "twice:"), startProcess(on, "twice:")]);
    const job = await first.registry.open("job");
    job.push({ data: 1 });
    await job.flush();
    await eventually(async () => expect(await command("EXISTS", "twice:marker")).toBe(1));
    // The other process has seen the marker, too, when it has opened something.
    await second.registry.open("other");
    await command("FLUSHALL");
    await expect(second.registry.open("job")).rejects.toMatchObject({ code: "STREAM_EXISTS" });
    const client = second.connect("job");
    job.push({ data: 2 });
    await eventually(() => expect(client.text).toContain("data: 2"));
    expect(client.text).toContain("data: 1");
    expect(job.signal.aborted).toBe(false);
  }, 60_000);
});
