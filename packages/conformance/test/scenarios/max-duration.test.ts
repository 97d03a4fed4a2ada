import { expect, test } from "vitest";
import { controlData, cursorOf, eventNames, startService, userEvents } from "./service.ts";

/*
 * Scenario: connections reach `maxDuration`, one hour. Covers connection/ and stream/ of core: the drain of a connection, and
 * resuming.
 */

test("a connection reaches `maxDuration`: the client reconnects and resumes where it was", async () => {
  const { registry, clock, connect, closed } = await startService(() => ({ random: () => 0.5 }));
  const job = await registry.open("job");
  let received: string[] = [];
  let pushed = 0;
  let cursor: string | undefined;
  for (let hour = 1; hour <= 3; hour++) {
    const client = await connect("job", cursor);
    await client.until("stream.live");
    for (let minute = 0; minute < 60; minute += 20) {
      job.push({ event: "tick", data: ++pushed });
      await client.until(`data: ${pushed}\n`);
      await clock.advance(20 * 60_000);
    }
    expect(await client.finished()).toBe("ended");
    expect(controlData(client, "drain")).toEqual([{ reason: "max-duration" }]);
    expect(client.text).toMatch(/event: stream\.drain\nretry: 1500\n/);
    received = received.concat(userEvents(client));
    cursor = cursorOf(client);
    // The stream continues while nobody is connected.
    job.push({ event: "tick", data: ++pushed });
  }
  const last = await connect("job", cursor);
  await job.end({ event: "tick", data: ++pushed });
  await last.finished();
  received = received.concat(userEvents(last));
  expect(received).toEqual(Array.from({ length: pushed }, (_, n) => `tick ${n + 1}`));
  expect(eventNames(last)).not.toContain("stream.reset");
  expect(closed.map(({ reason }) => reason)).toEqual([
    "max-duration",
    "max-duration",
    "max-duration",
    "ended",
  ]);
});

test("`maxDuration` is the same for waiting and for live clients", async () => {
  const { clock, connect, registry } = await startService(() => ({ random: () => 0.5, wait: 10_000_000 }));
  await registry.open("job");
  const clients = [await connect("job"), await connect("missing")];
  for (const client of clients) await client.until("stream.open");
  await clock.advance(3_599_999);
  expect(clients.map(({ state }) => state)).toEqual(["open", "open"]);
  await clock.advance(1);
  for (const client of clients) {
    await client.finished();
    expect(controlData(client, "drain")).toEqual([{ reason: "max-duration" }]);
  }
});
