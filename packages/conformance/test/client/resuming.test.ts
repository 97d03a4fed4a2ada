import { connect, type StreamReset } from "@holdfast/client";
import { expect, onTestFinished, test } from "vitest";
import { startStreamServer } from "../support/stream-server.ts";
import { startCuttingProxy, type CuttingProxy } from "../support/cutting-proxy.ts";
import { eventually } from "../../src/harness/eventually.ts";
import { shortDelays } from "../support/short-delays.ts";
import { testRegistry } from "../support/test-registry.ts";

// Covers packages/client/src over real HTTP: its cursor and its resets.

const random = (): number => 0;
const clock = shortDelays();
const urlOf = ({ port }: { readonly port: number }): string => `http://127.0.0.1:${port}/stream`;

test('with `resumeBy: "query"` the cursor is sent in the query', async () => {
  const { registry } = testRegistry();
  const job = await registry.open("job");
  const server = await startStreamServer(() => registry.stream("job"));
  // Cuts after the third id: those of `stream.open`, of an event that was received before, and of one more.
  const proxy: CuttingProxy = await startCuttingProxy(server.port, (received) => {
    const [three] = /^[^]*?(?:\nid: [^]+?\n\n[^]*?){3}/.exec(received) ?? [];
    return proxy.cuts < 5 ? three?.length : undefined;
  });
  const connection = connect(`${urlOf(proxy)}?verbose=1`, { resumeBy: "query", random, clock });
  const ids = [job.push({ data: 0 })];
  const first = await connection.next();
  for (let number = 1; number < 20; number++) ids.push(job.push({ data: number }));
  await job.end();
  const messages = [first.value, ...(await Array.fromAsync(connection))];
  expect(messages.map((message) => message?.id)).toEqual(ids);

  const paths = proxy.requests.map((request) => request.split(" ")[1]);
  expect(paths).toHaveLength(1 + 5);
  expect(paths[0]).toBe("/stream?verbose=1");
  for (const path of paths.slice(1)) {
    expect(path).toMatch(new RegExp(`^/stream\\?lastEventId=${job.epoch}\\.\\d+&verbose=1$`));
  }
  expect(proxy.requests.join("")).not.toMatch(/last-event-id/i);
});

test("after a restart of the server the epoch differs: the client starts over", async () => {
  const before = testRegistry({ random }).registry;
  const after = testRegistry().registry;
  const job = await before.open("job");
  job.push({ data: "before" });
  const first = await startStreamServer(() => before.stream("job"));
  const resets: StreamReset[] = [];
  const proxy = await startCuttingProxy(first.port);
  const connection = connect(urlOf(proxy), { random, clock, onReset: (reset) => resets.push(reset) });
  onTestFinished(connection.close);
  expect(await connection.next()).toMatchObject({ value: { data: "before" } });
  const next = connection.next();
  await before.close({ spread: 0 });
  await first.close();
  const newJob = await after.open("job");
  const id = newJob.push({ data: "after" });
  await newJob.end();
  const second = await startStreamServer(() => after.stream("job"), {}, first.port);

  expect(await next).toEqual({ done: false, value: { id, event: "message", data: "after" } });
  expect(resets).toEqual([{ reason: "epoch", lost: null }]);
  expect(second.cursors).toEqual([`${job.epoch}.1`]);
  expect(await connection.next()).toEqual({ done: true });
  expect(connection.state).toMatchObject({ status: "closed", reason: "done" });
});

test("a running snapshot that is cut in the middle is sent again from the start", async () => {
  const { registry } = testRegistry({
    buffer: { events: 2 },
    snapshot: () => ({ state: "running", at: covered, events: past }),
  });
  const past = Array.from({ length: 10 }, (_, number) => ({ data: String(number) }));
  const job = await registry.open("job");
  const covered = past.map((event) => job.push(event)).at(-1) as string;
  const server = await startStreamServer(() => registry.stream("job"));
  const proxy: CuttingProxy = await startCuttingProxy(server.port, (received) =>
    proxy.cuts === 0 && received.includes("data: 6") ? received.indexOf("data: 6") : undefined,
  );

  let events: string[] = [];
  const dropped: string[][] = [];
  const resets: StreamReset[] = [];
  const connection = connect(urlOf(proxy), {
    random,
    clock,
    onReset(reset) {
      resets.push(reset);
      dropped.push(events);
      events = [];
    },
  });
  onTestFinished(connection.close);
  const reading = (async () => {
    for await (const { data } of connection) events.push(data);
  })();
  await eventually(() => expect(connection.state.status).toBe("live"));
  job.push({ data: "10" });
  await job.end();
  await reading;
  expect(events).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
  expect(dropped).toEqual([["0", "1", "2", "3", "4", "5"]]);
  expect(resets).toEqual([{ reason: "incomplete", lost: null }]);
  expect(server.cursors).toEqual([undefined, undefined]);
});
