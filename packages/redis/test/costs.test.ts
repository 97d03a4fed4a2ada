import { createRegistry, type Registry, serve } from "@holdfast/core";
import { createFakeClock, createMemoryClient, type FakeClock } from "@holdfast/core/testing";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { redisStore } from "../src/index.ts";
import { type ConnectedClient, ioredis } from "./support/clients.ts";
import { eventually } from "../../conformance/src/adapter-suite/eventually.ts";
import { redisBinary, type RedisServer, startRedis } from "./support/redis-server.ts";

/** How many clients read in each of the other processes. */
const CLIENTS = 20;

interface Fleet {
  readonly producer: Registry;
  readonly reader: Registry;
  readonly command: ConnectedClient["command"];
  /** How often Redis has been asked since the last time. */
  readonly calls: () => Promise<Readonly<Record<string, number>>>;
  /** Lets time pass for the registries; Redis answers meanwhile. */
  readonly pass: (ms: number) => Promise<void>;
  readonly connect: (id: string) => void;
}

describe.skipIf(redisBinary === undefined)("what it costs", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  /** @param chance 0: looks come as often as they may, towards 1: as seldom */
  async function fleet(chance: number): Promise<Fleet> {
    const clock = createFakeClock();
    const clients = await Promise.all([1, 2, 3].map(() => ioredis.connect(server.port)));
    const [one, two, three] = clients as [ConnectedClient, ConnectedClient, ConnectedClient];
    await three.command("FLUSHALL");
    const [producer, reader] = [one, two].map(({ client }) => open(clock, client, chance)) as [
      Registry,
      Registry,
    ];
    onTestFinished(async () => {
      let closed = false;
      void Promise.all([producer.close(), reader.close()]).then(() => {
        closed = true;
      });
      await eventually(async () => {
        await pass(0);
        expect(closed).toBe(true);
      });
      for (const { close } of clients) close();
    });
    async function pass(ms: number): Promise<void> {
      for (let step = 0; step <= ms; step += 250) {
        await clock.advance(Math.min(250, ms - step));
        // Answers come in order: what was asked before is answered then.
        await Promise.all([one.command("PING"), two.command("PING")]);
        await clock.flush();
      }
    }
    return {
      producer,
      reader,
      command: three.command,
      async calls() {
        const stats = String(await three.command("INFO", "commandstats"));
        await three.command("CONFIG", "RESETSTAT");
        const counts = stats.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm);
        return Object.fromEntries(Array.from(counts, ([, name, calls]) => [name, Number(calls)]));
      },
      pass,
      connect(id) {
        const { request, open: answer } = createMemoryClient();
        void serve(request, answer, reader.stream(id));
      },
    };
  }

  const open = (clock: FakeClock, client: ConnectedClient["client"], chance: number): Registry =>
    createRegistry({ store: redisStore({ client }), clock, random: () => chance, heartbeat: Infinity });

  /** A stream that is read in another process, which has heard of an event by a hint. */
  async function read({ producer, reader, calls, pass, connect }: Fleet, clients: number) {
    const job = await producer.open("job");
    await pass(0);
    for (let client = 0; client < clients; client++) connect("job");
    await eventually(async () => {
      await pass(0);
      expect(reader.get("job")?.readers).toBe(clients);
    });
    job.push({ data: "first" });
    await pass(250);
    await untilRead(reader, pass, 1);
    await pass(250);
    await calls();
    return job;
  }

  async function untilRead(reader: Registry, pass: Fleet["pass"], last: number): Promise<void> {
    await eventually(async () => {
      await pass(0);
      expect(reader.get("job")?.last).toBe(last);
    });
  }

  test.for([
    ["often", 0, 30],
    ["seldom", 0.999_999, 12],
  ] as const)("a quiet stream costs the same for one client as for many, %s", async ([, chance, looks]) => {
    const on = await fleet(chance);
    await read(on, CLIENTS);
    await on.pass(60_000);
    const { evalsha = 0 } = await on.calls();
    expect(Math.abs(evalsha - 12 - looks)).toBeLessThanOrEqual(2);
  });

  test("a burst is one batch, and one page for all clients of a process", async () => {
    const on = await fleet(0.999_999);
    const job = await read(on, CLIENTS);
    for (let event = 0; event < 64; event++) job.push({ data: event });
    await untilRead(on.reader, on.pass, 65);
    const { evalsha, xadd, publish } = await on.calls();
    expect([xadd, publish]).toEqual([64, 1]);
    // One more may be the look at what was subscribed to just before.
    expect([2, 3]).toContain(evalsha);
  });

  test("the first client of a process makes it look, and the others find what it found", async () => {
    const on = await fleet(0.999_999);
    const job = await on.producer.open("job");
    job.push({ data: 1 });
    await on.pass(1_000);
    await on.calls();
    on.connect("job");
    await untilRead(on.reader, on.pass, 1);
    await on.pass(1_000);
    const first = await on.calls();
    expect(first["subscribe"]).toBe(1);
    expect([2, 3, 4]).toContain(first["evalsha"]);

    for (let client = 0; client < CLIENTS; client++) on.connect("job");
    await eventually(() => expect(on.reader.get("job")?.readers).toBe(1 + CLIENTS));
    await on.pass(250);
    expect((await on.calls())["evalsha"] ?? 0).toBeLessThanOrEqual(1);
  });

  test("an event takes some 30 bytes more than its frame, and a stream 5 kB", async () => {
    const { producer, pass, command } = await fleet(0.999_999);
    const job = await producer.open("job");
    const push = (events: number): void => {
      for (let event = 0; event < events; event++) job.push({ data: "x".repeat(100) });
    };
    const memory = async (): Promise<number> => {
      const keys = ["hf:{job}:m", "hf:{job}:s"];
      const sizes = await Promise.all(keys.map((key) => command("MEMORY", "USAGE", key, "SAMPLES", "0")));
      return sizes.reduce<number>((sum, size) => sum + Number(size), 0);
    };
    push(1);
    await pass(1_000);
    const before = await memory();
    expect(before).toBeLessThan(5_000);
    push(4_000);
    await pass(1_000);
    const frame = `id: ${job.epoch}.1000\ndata: ${"x".repeat(100)}\n\n`.length;
    const overhead = ((await memory()) - before) / 4_000 - frame;
    expect(overhead).toBeGreaterThan(25);
    expect(overhead).toBeLessThan(35);
  });
});
