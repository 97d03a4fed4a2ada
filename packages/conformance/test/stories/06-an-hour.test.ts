import { expect, test } from "vitest";
import { control, cursorOf, heardBy, stage, toldTo } from "./stage.ts";

test("a connection reaches its hour: it is asked to come back, and goes on where it was", async () => {
  const { registry, clock, come, closed } = await stage(() => ({ random: () => 0.5 }));
  const job = await registry.open("job");
  let told: string[] = [];
  let pushed = 0;
  let cursor: string | undefined;
  for (let hour = 1; hour <= 3; hour++) {
    const client = await come("job", cursor);
    await client.until("stream.live");
    for (let minute = 0; minute < 60; minute += 20) {
      job.push({ event: "tick", data: ++pushed });
      await client.until(`data: ${pushed}\n`);
      await clock.advance(20 * 60_000);
    }
    expect(await client.over()).toBe("ended");
    expect(control(client, "drain")).toEqual([{ reason: "max-duration" }]);
    expect(client.text).toMatch(/event: stream\.drain\nretry: 1500\n/);
    told = told.concat(toldTo(client));
    cursor = cursorOf(client);
    // Between two connections nobody listens, and the stream goes on.
    job.push({ event: "tick", data: ++pushed });
  }
  const last = await come("job", cursor);
  await job.end({ event: "tick", data: ++pushed });
  await last.over();
  told = told.concat(toldTo(last));
  expect(told).toEqual(Array.from({ length: pushed }, (_, n) => `tick ${n + 1}`));
  expect(heardBy(last)).not.toContain("stream.reset");
  expect(closed.map(({ reason }) => reason)).toEqual([
    "max-duration",
    "max-duration",
    "max-duration",
    "ended",
  ]);
});

test("an hour of waiting clients and of listening ones are the same hour", async () => {
  const { clock, come, registry } = await stage(() => ({ random: () => 0.5, wait: 10_000_000 }));
  await registry.open("job");
  const clients = [await come("job"), await come("nobody")];
  for (const client of clients) await client.until("stream.open");
  await clock.advance(3_599_999);
  expect(clients.map(({ state }) => state)).toEqual(["open", "open"]);
  await clock.advance(1);
  for (const client of clients) {
    await client.over();
    expect(control(client, "drain")).toEqual([{ reason: "max-duration" }]);
  }
});
