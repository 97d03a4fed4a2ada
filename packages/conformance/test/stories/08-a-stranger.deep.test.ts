import { describe, expect, test } from "vitest";
import { type Http1Client, sendHttp1 } from "../../src/wire/http1.ts";
import { eventually } from "../../src/adapter-suite/eventually.ts";
import { control, stage, type Stage, toldTo } from "./stage.ts";

/*
 * A stranger makes up 10,000 ids, over a few connections, as fast as they go. Nothing grows with it, and those who have
 * a job here are served as ever.
 */

const IDS = 10_000;
const SOCKETS = 500;

/** Asks for everything, each connection one request behind the other without waiting for answers. */
function flood(port: number): Http1Client[] {
  const clients: Http1Client[] = [];
  for (let socket = 0; socket < SOCKETS; socket++) {
    const first = sendHttp1(port, { path: `/made-up-${socket}` });
    clients.push(first);
    for (let n = socket + SOCKETS; n < IDS; n += SOCKETS)
      clients.push(first.again({ path: `/made-up-${n}` }));
  }
  return clients;
}

/** A job that is worked on, and one that is over, have their clients. */
async function expectServed({ registry, come }: Stage, finished: "known" | "waits"): Promise<void> {
  const job = await registry.open("real");
  const client = await come("real");
  await client.until("stream.live");
  job.push({ event: "token", data: "served" });
  await client.until("data: served");
  await job.end();
  await client.over();
  expect(toldTo(client)).toEqual(["token served"]);
  if (finished === "waits") return;
  const late = await come("finished");
  await late.over();
  expect(toldTo(late)).toEqual(["done result"]);
}

describe("10,000 random ids from a stranger", { timeout: 20_000 }, () => {
  test("where the database knows of none: each is a 404, with 16 questions at once", async () => {
    let asking = 0;
    let most = 0;
    const place = await stage(() => ({
      snapshot: async (id) => {
        most = Math.max(most, ++asking);
        await new Promise((resolve) => setImmediate(resolve));
        asking--;
        return id === "finished" ? { state: "done", events: [{ event: "done", data: "result" }] } : undefined;
      },
    }));
    const clients = flood(place.port);
    await clients[0]?.answered();
    await expectServed(place, "known");
    await eventually(() => expect(clients.every(({ status }) => status === 404)).toBe(true), 10_000);
    expect(most).toBeLessThanOrEqual(16);
    expect(place.registry.gauges()).toMatchObject({ connections: 0, waiting: 0, bytes: expect.any(Number) });
    expect(place.registry.size).toBe(1);
    await place.clock.advance(2_000);
    // Only the stream that lingers.
    expect(place.clock.timers).toBe(1);
    for (const client of clients) client.cut();
  });

  test("where the database hangs: 1,000 wait, the others are sent away, and 16 questions are asked", async () => {
    let asked = 0;
    const place = await stage(() => ({
      snapshot: () => {
        asked++;
        return new Promise<never>(() => undefined);
      },
    }));
    const clients = flood(place.port);
    await eventually(() => expect(place.registry.gauges().connections).toBe(IDS), 10_000);
    expect(place.registry.gauges()).toMatchObject({ waiting: 0, streams: 0, bytes: 0 });
    expect(asked).toBe(16);
    await place.clock.advance(1_000);
    expect(place.registry.gauges()).toMatchObject({ waiting: 1_000, connections: expect.any(Number) });
    await expectTurnedAway(place, clients);
    await expectServed(place, "waits");
    expect(asked).toBe(16);
    await leave(place, clients);
  });

  test("where there is no database: 1,000 wait, and the others are sent away", async () => {
    const place = await stage();
    const clients = flood(place.port);
    await expectTurnedAway(place, clients);
    expect(place.registry.gauges()).toMatchObject({
      waiting: 1_000,
      connections: 1_000,
      streams: 0,
      bytes: 0,
    });
    await expectServed(place, "waits");
    await leave(place, clients);
  });
});

/** As far as they were answered: behind a request that waits there are others on the same connection. */
async function expectTurnedAway({ closed }: Stage, clients: readonly Http1Client[]): Promise<void> {
  await eventually(() => expect(closed.length).toBe(IDS - 1_000), 10_000);
  expect(new Set(closed.map(({ reason }) => reason))).toEqual(new Set(["busy"]));
  const drained = clients.filter(({ state }) => state === "ended");
  for (const client of drained) expect(control(client, "drain")).toEqual([{ reason: "busy" }]);
}

async function leave({ registry }: Stage, clients: readonly Http1Client[]): Promise<void> {
  for (const client of clients) client.cut();
  await eventually(() => expect(registry.gauges()).toMatchObject({ waiting: 0, connections: 0 }), 10_000);
}
