import { expect, test } from "vitest";
import { ConnectionMetrics } from "../../src/connection/connection-metrics.ts";
import { createReport, type Observer } from "../../src/protocol/observer.ts";
import { createFakeClock, type FakeClock } from "../../src/testing/index.ts";

function setUp(): { clock: FakeClock; metrics: ConnectionMetrics; calls: [name: string, info: unknown][] } {
  const clock = createFakeClock();
  const calls: [string, unknown][] = [];
  const observer = new Proxy<Observer>(
    {},
    { get: (_, name) => (info: unknown) => void calls.push([String(name), info]) },
  );
  const metrics = new ConnectionMetrics(
    { id: "a" },
    { clock, random: () => 0.5, report: createReport(observer) },
  );
  return { clock, metrics, calls };
}

test("the observer gets the open, the heartbeats and the close, with the totals and the duration", async () => {
  const { clock, metrics, calls } = setUp();
  metrics.reportOpened();
  metrics.count(100, 2);
  metrics.reportHeartbeat();
  metrics.count(3, 0);
  await clock.advance(500);
  metrics.reportClosed("ended");
  expect(calls).toEqual([
    ["connectionOpened", { id: "a" }],
    ["heartbeat", { id: "a" }],
    ["delivered", { id: "a", events: 2, bytes: 103 }],
    ["connectionClosed", { id: "a", reason: "ended", duration: 500, events: 2, bytes: 103 }],
  ]);
});

test("each report of delivered events has only what was written since the last one", () => {
  const { metrics, calls } = setUp();
  metrics.reportDelivered();
  metrics.count(10, 1);
  metrics.reportDelivered();
  metrics.reportDelivered();
  metrics.count(20, 2);
  metrics.reportDelivered();
  expect(calls).toEqual([
    ["delivered", { id: "a", events: 1, bytes: 10 }],
    ["delivered", { id: "a", events: 2, bytes: 20 }],
  ]);
});

test("a replay is reported after the events that were delivered with it", () => {
  const { metrics, calls } = setUp();
  metrics.count(10, 1);
  metrics.reportReplayed(1);
  expect(calls).toEqual([
    ["delivered", { id: "a", events: 1, bytes: 10 }],
    ["replayed", { id: "a", events: 1 }],
  ]);
});
