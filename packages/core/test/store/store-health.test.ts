import { expect, test } from "vitest";
import { type HealthKind, StoreHealth } from "../../src/store/store-health.ts";
import { createFakeClock } from "../../src/testing/index.ts";

function setUp() {
  const clock = createFakeClock();
  const reported: unknown[] = [];
  const probes: unknown[] = [];
  const backs: HealthKind[][] = [];
  const health = new StoreHealth({
    runtime: { clock, random: () => 0.5, report: (_, info) => void reported.push(info) },
    probe: (kind, id) => void probes.push([kind, id]),
    onBack: (kinds) => void backs.push(Array.from(kinds)),
  });
  return { clock, health, reported, probes, backs };
}

const error = new Error("away");

test("an outage is reported once, whatever else fails in it", () => {
  const { health, reported } = setUp();
  for (const kind of ["write", "read", "connection", "write"] as const) health.failed(kind, "a", error);
  expect(reported).toEqual([{ id: "a", stage: "store", error }]);
});

test("an outage is over when what has failed has succeeded, not when anything else has", async () => {
  const { clock, health, backs } = setUp();
  health.failed("write", "a", error);
  await clock.advance(1_500);
  health.succeeded("read");
  await clock.advance(1_500);
  expect([health.isAway("write"), health.isAway("read"), backs]).toEqual([true, false, []]);
  health.succeeded("write");
  expect([health.isAway("write"), backs]).toEqual([false, [["write"]]]);
});

test("an outage is over 1 s after the last failure at the earliest", async () => {
  const { clock, health, reported, backs } = setUp();
  for (let round = 0; round < 20; round++) {
    health.failed("write", "a", error);
    health.succeeded("write");
    await clock.advance(900);
  }
  expect([reported.length, backs]).toEqual([1, []]);
  await clock.advance(100);
  expect(backs).toEqual([["write"]]);
  health.failed("write", "a", error);
  expect(reported).toHaveLength(2);
});

test("a lease may expire only when all kinds of calls have worked for 5 s", async () => {
  const { clock, health } = setUp();
  expect(health.canExpireLeases).toBe(true);
  health.failed("write", "a", error);
  health.failed("read", "a", error);
  await clock.advance(1_000);
  health.succeeded("read");
  await clock.advance(10_000);
  expect(health.canExpireLeases).toBe(false);
  health.succeeded("write");
  await clock.advance(4_999);
  expect(health.canExpireLeases).toBe(false);
  await clock.advance(1);
  expect(health.canExpireLeases).toBe(true);
});

test("what has failed is probed if nobody calls it any more", async () => {
  const { clock, health, probes } = setUp();
  health.failed("write", "a", error);
  await clock.advance(2_900);
  health.failed("write", "b", error);
  await clock.advance(2_900);
  expect(probes).toEqual([]);
  await clock.advance(100);
  expect(probes).toEqual([["write", "b"]]);
  health.succeeded("write");
  expect(clock.timers).toBe(0);
});

test("an id that fails alone is reported once a minute, and is no outage", async () => {
  const { clock, health, reported } = setUp();
  for (const id of ["a", "a", "b", "a"]) health.failedAlone(id, error);
  expect(reported).toMatchObject([{ id: "a" }, { id: "b" }]);
  expect(health.canExpireLeases).toBe(true);
  await clock.advance(60_000);
  health.failedAlone("a", error);
  expect(reported).toHaveLength(3);
});

test("of ids that fail alone no more than 1,000 are reported a minute", () => {
  const { health, reported } = setUp();
  for (let id = 0; id < 5_000; id++) health.failedAlone(`${id}`, error);
  expect(reported).toHaveLength(1_000);
});
