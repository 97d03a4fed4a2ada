import { connect, type StreamReset } from "@holdfast/client";
import { expect, onTestFinished, test } from "vitest";
import { openOrigin } from "../event-source/origin.ts";
import { layWire, type Wire } from "../event-source/wire.ts";
import { eventually } from "../../src/adapter-suite/eventually.ts";
import { watchedRegistry } from "../support/watched-registry.ts";

const random = (): number => 0;
const urlOf = ({ port }: { readonly port: number }): string => `http://127.0.0.1:${port}/stream`;

test("who cannot send a header sends the cursor with the query", async () => {
  const { registry } = watchedRegistry();
  const job = await registry.open("job");
  const origin = await openOrigin(() => registry.stream("job"));
  // Behind the third id: that of the opening, of an event that has come, and of one more.
  const wire: Wire = await layWire(origin.port, (come) => {
    const [three] = /^[^]*?(?:\nid: [^]+?\n\n[^]*?){3}/.exec(come) ?? [];
    return wire.cuts < 5 ? three?.length : undefined;
  });
  const connection = connect(`${urlOf(wire)}?verbose=1`, { resumeBy: "query", random });
  const ids = [job.push({ data: 0 })];
  const first = await connection.next();
  for (let number = 1; number < 20; number++) ids.push(job.push({ data: number }));
  await job.end();
  const messages = [first.value, ...(await Array.fromAsync(connection))];
  expect(messages.map((message) => message?.id)).toEqual(ids);

  const paths = wire.requests.map((request) => request.split(" ")[1]);
  expect(paths).toHaveLength(1 + 5);
  expect(paths[0]).toBe("/stream?verbose=1");
  for (const path of paths.slice(1)) {
    expect(path).toMatch(new RegExp(`^/stream\\?lastEventId=${job.epoch}\\.\\d+&verbose=1$`));
  }
  expect(wire.requests.join("")).not.toMatch(/last-event-id/i);
});

test("a server that goes and comes back has a stream of another epoch: start over", async () => {
  const before = watchedRegistry({ random }).registry;
  const after = watchedRegistry().registry;
  const job = await before.open("job");
  job.push({ data: "before" });
  const first = await openOrigin(() => before.stream("job"));
  const resets: StreamReset[] = [];
  const wire = await layWire(first.port);
  const connection = connect(urlOf(wire), { random, onReset: (reset) => resets.push(reset) });
  onTestFinished(connection.close);
  expect(await connection.next()).toMatchObject({ value: { data: "before" } });
  const next = connection.next();
  await before.close({ spread: 0 });
  await first.close();
  const again = await after.open("job");
  const id = again.push({ data: "after" });
  await again.end();
  const second = await openOrigin(() => after.stream("job"), {}, first.port);

  expect(await next).toEqual({ done: false, value: { id, event: "message", data: "after" } });
  expect(resets).toEqual([{ reason: "epoch", lost: null }]);
  expect(second.cursors).toEqual([`${job.epoch}.1`]);
  expect(await connection.next()).toEqual({ done: true });
  expect(connection.state).toMatchObject({ status: "closed", reason: "done" });
});

test("a running answer that is cut in its middle comes again, from the first", async () => {
  const { registry } = watchedRegistry({
    buffer: { events: 2 },
    snapshot: () => ({ state: "running", at: covered, events: past }),
  });
  const past = Array.from({ length: 10 }, (_, number) => ({ data: String(number) }));
  const job = await registry.open("job");
  const covered = past.map((event) => job.push(event)).at(-1) as string;
  const origin = await openOrigin(() => registry.stream("job"));
  const wire: Wire = await layWire(origin.port, (come) =>
    wire.cuts === 0 && come.includes("data: 6") ? come.indexOf("data: 6") : undefined,
  );

  let got: string[] = [];
  const dropped: string[][] = [];
  const resets: StreamReset[] = [];
  const connection = connect(urlOf(wire), {
    random,
    onReset(reset) {
      resets.push(reset);
      dropped.push(got);
      got = [];
    },
  });
  onTestFinished(connection.close);
  const reading = (async () => {
    for await (const { data } of connection) got.push(data);
  })();
  await eventually(() => expect(connection.state.status).toBe("live"));
  job.push({ data: "10" });
  await job.end();
  await reading;
  expect(got).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
  expect(dropped).toEqual([["0", "1", "2", "3", "4", "5"]]);
  expect(resets).toEqual([{ reason: "incomplete", lost: null }]);
  expect(origin.cursors).toEqual([undefined, undefined]);
});
