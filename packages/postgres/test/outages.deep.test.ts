// What readers get while Postgres fails, as docs/more-than-one-machine.md has it.

import { setTimeout as pause } from "node:timers/promises";
import { type AnyEvents, createRegistry, type Registry, type StreamWriter } from "@holdfast/core";
import type { Pool } from "pg";
import { describe, expect, onTestFinished, test } from "vitest";
import { texts } from "../../core/test/support/store-calls.ts";
import { eventually } from "../../conformance/src/harness/eventually.ts";
import { postgresStore, type PostgresStore, type PostgresStoreOptions } from "../src/index.ts";
import { inTransaction } from "./support/outbox.ts";
import { newSchema, programs, usePostgres } from "./support/postgres-server.ts";
import { startProxy } from "./support/proxy.ts";

/** For how long the proxy passes nothing on, in ms. */
const STALL = Number(process.env["HOLDFAST_STALL"] ?? 3_000);

interface Machine {
  readonly pool: Pool;
  readonly store: PostgresStore;
  readonly registry: Registry;
  readonly failures: unknown[];
}

interface MachineOptions extends Pick<PostgresStoreOptions, "synchronousCommit"> {
  /** Of the server, or of a proxy in front of it. */
  readonly port?: number;
}

describe.skipIf(programs === undefined)("with a Postgres that fails", { timeout: 300_000 }, () => {
  const server = usePostgres();

  async function createMachine(schema: string, options: MachineOptions = {}): Promise<Machine> {
    const { port = server().port, ...more } = options;
    await postgresStore({ pool: server().pool(), schema }).migrate();
    const pool = server().pool({ port });
    const failures: unknown[] = [];
    const observer = { failed: (info: unknown) => void failures.push(info), warned: () => undefined };
    const store = postgresStore({ pool, schema, observer, timeout: 1_000, ...more });
    const registry = createRegistry({ store, observer });
    onTestFinished(async () => {
      await registry.close({ deadline: 0 });
      await pool.end();
    });
    return { pool, store, registry, failures };
  }

  /** Reads a job on one machine that another one produces, while something fails. */
  async function expectWhole(
    one: Machine,
    other: Machine,
    disturb: (progress: () => number) => Promise<void>,
  ): Promise<void> {
    const job = await one.registry.open("job");
    const state = { isOver: false, pushed: 0 };
    const producing = produce(job, state);
    const read: number[] = [];
    const reading = (async () => {
      for await (const { data } of other.registry.subscribe("job")) read.push(Number(data));
    })();
    await eventually(() => expect(read.length).toBeGreaterThan(10));
    await disturb(() => read.length);
    const pushed = state.pushed;
    await eventually(() => expect(read.length).toBeGreaterThan(pushed));
    state.isOver = true;
    await producing;
    await reading;
    expect(read).toEqual(Array.from({ length: state.pushed }, (_, index) => index + 1));
  }

  /** What the server has of the queries of the stores. */
  const terminate = async (pool: Pool, condition: string): Promise<number> => {
    const text = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE pid <> pg_backend_pid() AND backend_type = 'client backend' AND ${condition}`;
    return (await pool.query(text)).rows.length;
  };

  test("a reader hears of changes again when the connection for hints was terminated", async () => {
    const schema = newSchema();
    const [one, other] = [await createMachine(schema), await createMachine(schema)];
    const admin = server().pool();
    const hints: (string | undefined)[] = [];
    const wake = other.store.wake(["job"], (id) => void hints.push(id));
    onTestFinished(() => wake.close());
    await eventually(() => expect(hints).toEqual([undefined]));
    for (let round = 1; round <= 3; round++) {
      const before = hints.length;
      expect(await terminate(admin, `query LIKE 'LISTEN%'`)).toBe(1);
      // Hints may have been lost meanwhile: the listener has to look.
      await eventually(() => expect(hints.slice(before)).toContain(undefined));
      await one.store.hintDisconnect("job");
      await eventually(() => expect(hints.slice(before)).toContain("job"));
      expect(other.failures.filter(isTermination)).toHaveLength(round);
    }
  });

  test("a reader gets each event once, in order, while every connection is terminated again and again", async () => {
    const schema = newSchema();
    const admin = server().pool();
    await expectWhole(await createMachine(schema), await createMachine(schema), async (progress) => {
      for (let round = 0; round < 10; round++) {
        await terminate(admin, "true");
        const before = progress();
        await eventually(() => expect(progress()).toBeGreaterThan(before + 20));
      }
    });
  });

  test.for(["fast", "immediate"] as const)(
    "a reader gets each event once, in order, while the server restarts (%s)",
    async (how) => {
      const schema = newSchema();
      await expectWhole(await createMachine(schema), await createMachine(schema), () =>
        server().restart(how),
      );
    },
  );

  test("a reader gets each event once, in order, when a crash loses appends that did not wait for the disk", async () => {
    const schema = newSchema();
    const off = { synchronousCommit: "off" } as const;
    const [one, other] = [await createMachine(schema, off), await createMachine(schema, off)];
    await expectWhole(one, other, async (progress) => {
      for (let round = 0; round < 3; round++) {
        await server().restart("immediate");
        const before = progress();
        await eventually(() => expect(progress()).toBeGreaterThan(before + 20));
      }
    });
  });

  test("a reader gets each event once, in order, when the server does not answer for a time", async () => {
    const schema = newSchema();
    const proxy = await startProxy(server().port);
    const one = await createMachine(schema, { port: proxy.port });
    const other = await createMachine(schema, { port: proxy.port });
    onTestFinished(() => proxy.close());
    const changes: boolean[] = [];
    onTestFinished(one.store.health((isHealthy) => void changes.push(isHealthy)));
    await expectWhole(one, other, async () => {
      proxy.stall();
      await eventually(() => expect(changes).toEqual([false]));
      await pause(STALL);
      proxy.resume();
      await eventually(() => expect(changes.at(-1)).toBe(true));
    });
  });

  test("what a transaction has pushed survives a crash of the server, and arrives once", async () => {
    const schema = newSchema();
    const { pool, store } = await createMachine(schema);
    const push = (number: number): string => `SELECT ${schema}.push('room', NULL, '${number}')`;
    await inTransaction(pool, push(1), push(2));
    await server().restart("immediate");
    await eventually(() => inTransaction(pool, push(3)));
    const wake = store.wake(["room"], () => undefined);
    onTestFinished(() => wake.close());
    const frames = [1, 2, 3].map((number) => `data: ${number}\n\n`);
    await eventually(async () => expect(await texts(store, "room")).toEqual(frames));
  });
});

/** On a busy machine, the connection that follows may fail by time-out, too. */
const isTermination = (info: unknown): boolean =>
  (info as { error: { code?: string } }).error.code === "57P01";

async function produce(
  job: StreamWriter<AnyEvents>,
  state: { isOver: boolean; pushed: number },
): Promise<void> {
  while (!state.isOver) {
    job.push({ data: ++state.pushed });
    await pause(1);
  }
  await job.end();
}
