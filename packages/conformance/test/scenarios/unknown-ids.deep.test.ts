import { describe, expect, test } from "vitest";
import { type Http1Client, sendHttp1 } from "../../src/wire/http1.ts";
import { eventually } from "../../src/harness/eventually.ts";
import { controlData, startService, type Service, userEvents } from "./service.ts";

/*
 * Scenario: an attacker requests 10,000 random ids over 500 connections, and then 2,000 over as many. Memory stays bounded, and clients of real jobs are
 * served as usual. Covers registry/, stream/ and connection/ of core: the stream look-up, the limit of waiting clients and
 * the limit of concurrent snapshots.
 */

const IDS = 10_000;
const SOCKETS = 500;
/** Of a socket's requests only one is admitted at a time. */
const CONNECTIONS = 2_000;

/** Sends all requests; those of one connection are pipelined. */
function flood(port: number, ids = CONNECTIONS, sockets = ids): Http1Client[] {
  const clients: Http1Client[] = [];
  for (let socket = 0; socket < sockets; socket++) {
    const first = sendHttp1(port, { path: `/random-${socket}` });
    clients.push(first);
    for (let n = socket + sockets; n < ids; n += sockets)
      clients.push(first.sendNext({ path: `/random-${n}` }));
  }
  return clients;
}

/** Asserts that a client of a running job is served, and a client of a finished one if the database answers. */
async function expectServed(
  { registry, connect }: Service,
  database: "answers" | "hangs or is missing",
): Promise<void> {
  const job = await registry.open("real");
  const client = await connect("real");
  await client.until("stream.live");
  job.push({ event: "token", data: "served" });
  await client.until("data: served");
  await job.end();
  await client.finished();
  expect(userEvents(client)).toEqual(["token served"]);
  if (database !== "answers") return;
  const late = await connect("finished");
  await late.finished();
  expect(userEvents(late)).toEqual(["done result"]);
}

describe("thousands of random ids", () => {
  test("the database has none of them: each request gets a 404, with at most 16 snapshots at a time", async () => {
    let running = 0;
    let maxRunning = 0;
    const service = await startService(() => ({
      snapshot: async (id) => {
        maxRunning = Math.max(maxRunning, ++running);
        await new Promise((resolve) => setImmediate(resolve));
        running--;
        return id === "finished" ? { state: "done", events: [{ event: "done", data: "result" }] } : undefined;
      },
    }));
    const clients = flood(service.port, IDS, SOCKETS);
    await clients[0]?.answered();
    await expectServed(service, "answers");
    await eventually(() => expect(clients.every(({ status }) => status === 404)).toBe(true));
    expect(maxRunning).toBeLessThanOrEqual(16);
    expect(service.registry.gauges()).toMatchObject({
      connections: 0,
      waiting: 0,
      bytes: expect.any(Number),
    });
    expect(service.registry.size).toBe(1);
    await service.clock.advance(2_000);
    // The timer of the stream that lingers.
    expect(service.clock.timers).toBe(1);
    for (const client of clients) client.cut();
  });

  test("the database hangs: 1,000 clients wait, the others are drained, and 16 snapshots are pending", async () => {
    let snapshots = 0;
    const service = await startService(() => ({
      snapshot: () => {
        snapshots++;
        return new Promise<never>(() => undefined);
      },
    }));
    const clients = flood(service.port);
    await eventually(() => expect(service.registry.gauges().connections).toBe(CONNECTIONS));
    expect(service.registry.gauges()).toMatchObject({ waiting: 0, streams: 0, bytes: 0 });
    expect(snapshots).toBe(16);
    await service.clock.advance(1_000);
    expect(service.registry.gauges()).toMatchObject({ waiting: 1_000, connections: expect.any(Number) });
    await expectDrained(service, clients);
    await expectServed(service, "hangs or is missing");
    expect(snapshots).toBe(16);
    await disconnectAll(service, clients);
  });

  test("there is no database: 1,000 clients wait, and the others are drained", async () => {
    const service = await startService();
    const clients = flood(service.port);
    await expectDrained(service, clients);
    expect(service.registry.gauges()).toMatchObject({
      waiting: 1_000,
      connections: 1_000,
      streams: 0,
      bytes: 0,
    });
    await expectServed(service, "hangs or is missing");
    await disconnectAll(service, clients);
  });
});

async function expectDrained({ closed }: Service, clients: readonly Http1Client[]): Promise<void> {
  await eventually(() => expect(closed.length).toBe(CONNECTIONS - 1_000));
  expect(new Set(closed.map(({ reason }) => reason))).toEqual(new Set(["busy"]));
  const drained = clients.filter(({ state }) => state === "ended");
  for (const client of drained) expect(controlData(client, "drain")).toEqual([{ reason: "busy" }]);
}

async function disconnectAll({ registry }: Service, clients: readonly Http1Client[]): Promise<void> {
  for (const client of clients) client.cut();
  await eventually(() => expect(registry.gauges()).toMatchObject({ waiting: 0, connections: 0 }));
}
