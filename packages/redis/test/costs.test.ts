import { createRegistry, type Registry, serve } from "@holdfast/core";
import { createFakeClock, createMemoryClient, type FakeClock } from "@holdfast/core/testing";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { redisStore } from "../src/index.ts";
import { type ConnectedClient, ioredis } from "./support/clients.ts";
import { eventually } from "../../conformance/src/harness/eventually.ts";
import { redisBinary, type RedisServer, startRedis } from "./support/redis-server.ts";

/** How many clients read the stream through the second registry. */
const CLIENTS = 20;

/** Two registries on one Redis, as in two processes, with one fake clock. */
interface TwoRegistries {
  readonly producer: Registry;
  readonly reader: Registry;
  readonly command: ConnectedClient["command"];
  /** How often Redis has run each command since the last call of this function. */
  readonly countCommands: () => Promise<Readonly<Record<string, number>>>;
  /** Advances the clock in small steps, and waits for the replies of Redis after each. */
  readonly advance: (ms: number) => Promise<void>;
  /** Connects a client to a stream of the second registry. */
  readonly connect: (id: string) => void;
}

describe.skipIf(redisBinary === undefined)("the costs in Redis", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  /** @param random with 0 the registries poll as often as they may, with almost 1 as seldom */
  async function createRegistries(random: number): Promise<TwoRegistries> {
    const clock = createFakeClock();
    const clients = await Promise.all([1, 2, 3].map(() => ioredis.connect(server.port)));
    const [one, two, three] = clients as [ConnectedClient, ConnectedClient, ConnectedClient];
    await three.command("FLUSHALL");
    const [producer, reader] = [one, two].map(({ client }) => open(clock, client, random)) as [
      Registry,
      Registry,
    ];
    onTestFinished(async () => {
      let closed = false;
      void Promise.all([producer.close(), reader.close()]).then(() => {
        closed = true;
      });
      await eventually(async () => {
        await advance(0);
        expect(closed).toBe(true);
      });
      for (const { close } of clients) close();
    });
    async function advance(ms: number): Promise<void> {
      for (let step = 0; step <= ms; step += 250) {
        await clock.advance(Math.min(250, ms - step));
        // Redis replies in order, so all earlier commands of a connection have their replies too.
        await Promise.all([one.command("PING"), two.command("PING")]);
        await clock.flush();
      }
    }
    return {
      producer,
      reader,
      command: three.command,
      async countCommands() {
        const stats = String(await three.command("INFO", "commandstats"));
        await three.command("CONFIG", "RESETSTAT");
        const counts = stats.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm);
        return Object.fromEntries(Array.from(counts, ([, name, calls]) => [name, Number(calls)]));
      },
      advance,
      connect(id) {
        const { request, open: openSink } = createMemoryClient();
        void serve(request, openSink, reader.stream(id));
      },
    };
  }

  const open = (clock: FakeClock, client: ConnectedClient["client"], random: number): Registry =>
    createRegistry({ store: redisStore({ client }), clock, random: () => random, heartbeat: Infinity });

  /** Opens a stream with clients at the second registry, and waits until a hint has brought them an event. */
  async function openWithClients({ producer, reader, countCommands, advance, connect }: TwoRegistries) {
    const job = await producer.open("job");
    await advance(0);
    for (let client = 0; client < CLIENTS; client++) connect("job");
    await eventually(async () => {
      await advance(0);
      expect(reader.get("job")?.readers).toBe(CLIENTS);
    });
    job.push({ data: "first" });
    await advance(250);
    await untilRead(reader, advance, 1);
    await advance(250);
    await countCommands();
    return job;
  }

  async function untilRead(reader: Registry, advance: TwoRegistries["advance"], last: number): Promise<void> {
    await eventually(async () => {
      await advance(0);
      expect(reader.get("job")?.last).toBe(last);
    });
  }

  test.for([
    ["often", 0, 30],
    ["seldom", 0.999_999, 12],
  ] as const)(
    "a quiet stream is polled once for all clients of a process, as %s as allowed",
    async ([, random, polls]) => {
      const registries = await createRegistries(random);
      await openWithClients(registries);
      await registries.advance(60_000);
      const { evalsha = 0 } = await registries.countCommands();
      expect(Math.abs(evalsha - 12 - polls)).toBeLessThanOrEqual(2);
    },
  );

  test("a burst of events takes one batch, and one page for all clients of a process", async () => {
    const registries = await createRegistries(0.999_999);
    const job = await openWithClients(registries);
    for (let event = 0; event < 64; event++) job.push({ data: event });
    await untilRead(registries.reader, registries.advance, 65);
    const { evalsha, xadd, publish } = await registries.countCommands();
    expect([xadd, publish]).toEqual([64, 1]);
    // The read that follows the subscription may be counted too.
    expect([2, 3]).toContain(evalsha);
  });

  test("the first client of a process reads from Redis, and later clients share what it has read", async () => {
    const registries = await createRegistries(0.999_999);
    const job = await registries.producer.open("job");
    job.push({ data: 1 });
    await registries.advance(1_000);
    await registries.countCommands();
    registries.connect("job");
    await untilRead(registries.reader, registries.advance, 1);
    await registries.advance(1_000);
    const first = await registries.countCommands();
    expect(first["subscribe"]).toBe(1);
    expect([2, 3, 4]).toContain(first["evalsha"]);

    for (let client = 0; client < CLIENTS; client++) registries.connect("job");
    await eventually(() => expect(registries.reader.get("job")?.readers).toBe(1 + CLIENTS));
    await registries.advance(250);
    expect((await registries.countCommands())["evalsha"] ?? 0).toBeLessThanOrEqual(1);
  });

  test("an event takes about 30 bytes more than its frame, and an empty stream less than 5 kB", async () => {
    const { producer, advance, command } = await createRegistries(0.999_999);
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
    await advance(1_000);
    const before = await memory();
    expect(before).toBeLessThan(5_000);
    push(4_000);
    await advance(1_000);
    const frame = `id: ${job.epoch}.1000\ndata: ${"x".repeat(100)}\n\n`.length;
    const overhead = ((await memory()) - before) / 4_000 - frame;
    expect(overhead).toBeGreaterThan(25);
    expect(overhead).toBeLessThan(35);
  });
});
