import { createCounters, type Observer } from "@holdfast/core";
import { describe, expect, test, vi } from "vitest";
import { createTelemetry } from "./telemetry.ts";

const silent: Observer = { warned: () => undefined, failed: () => undefined };

describe("the observer records", () => {
  test("connections: opened, active, closed by reason, and for how long", async () => {
    const { registry, connect, clock, measure } = createTelemetry();
    const writer = await registry.open("a");
    const leaving = await connect("a");
    await connect("a");
    expect(await measure("holdfast.connection.active")).toEqual([
      { unit: "{connection}", attributes: {}, value: 2 },
    ]);
    await clock.advance(3_000);
    leaving.leave();
    await clock.flush();
    await writer.end();
    await clock.flush();

    expect(await measure("holdfast.connection.opened")).toMatchObject([{ value: 2 }]);
    expect(await measure("holdfast.connection.active")).toMatchObject([{ value: 0 }]);
    expect(await measure("holdfast.connection.closed")).toMatchObject([
      { attributes: { "holdfast.close.reason": "ended" }, value: 1 },
      { attributes: { "holdfast.close.reason": "disconnected" }, value: 1 },
    ]);
    expect(await measure("holdfast.connection.duration")).toMatchObject([
      { unit: "s", attributes: { "holdfast.close.reason": "disconnected" }, value: { sum: 3, count: 1 } },
      { unit: "s", attributes: { "holdfast.close.reason": "ended" }, value: { sum: 3, count: 1 } },
    ]);
  });

  test("a client that reads nothing as a connection that was closed as `zombie`", async () => {
    const { registry, connect, clock, measure } = createTelemetry(
      {},
      { heartbeat: 1_000, idleTimeout: 5_000 },
    );
    const writer = await registry.open("a");
    const client = await connect("a");
    client.stall();
    writer.push({ data: "never read" });
    await clock.advance(20_000);
    expect(await measure("holdfast.connection.closed")).toMatchObject([
      { attributes: { "holdfast.close.reason": "zombie" }, value: 1 },
    ]);
  });

  test("streams, events, bytes and heartbeats", async () => {
    const { registry, connect, clock, measure } = createTelemetry({ observer: silent }, { heartbeat: 1_000 });
    const done = await registry.open("done");
    done.push({ data: "1" });
    done.push({ data: "2" });
    const client = await connect("done");
    await clock.advance(1_500);
    done.push({ data: "3" });
    await clock.flush();
    await done.end();
    const failed = await registry.open("failed");
    await failed.fail(new Error("no"));
    await clock.flush();

    expect(await measure("holdfast.stream.opened")).toMatchObject([{ value: 2 }]);
    expect(await measure("holdfast.stream.ended")).toMatchObject([
      { attributes: { "holdfast.end.status": "done" }, value: 1 },
      { attributes: { "holdfast.end.status": "failed" }, value: 1 },
    ]);
    expect(await measure("holdfast.event.pushed")).toMatchObject([{ value: 3 }]);
    expect(await measure("holdfast.event.delivered")).toMatchObject([{ value: 3 }]);
    expect(await measure("holdfast.event.replayed")).toMatchObject([{ value: 2 }]);
    expect(await measure("holdfast.connection.heartbeats")).toMatchObject([{ value: 1 }]);
    expect(await measure("holdfast.connection.io")).toEqual([
      { unit: "By", attributes: {}, value: Buffer.byteLength(client.text) },
    ]);
  });

  test("resets, warnings and failures", async () => {
    const { observer, measure } = createTelemetry({ observer: silent });
    observer.reset({ id: "a", reason: "trimmed", lost: [1, 2] });
    observer.warned({ id: "a", message: "secret" });
    observer.failed({ id: "a", stage: "store", error: new Error("secret") });
    expect(await measure("holdfast.connection.resets")).toMatchObject([
      { attributes: { "holdfast.reset.reason": "trimmed" }, value: 1 },
    ]);
    expect(await measure("holdfast.warnings")).toMatchObject([{ value: 1 }]);
    expect(await measure("holdfast.failures")).toMatchObject([
      { attributes: { "holdfast.failure.stage": "store" }, value: 1 },
    ]);
  });

  test("every value of an attribute from the beginning, as 0", async () => {
    const { observer, measureAll } = createTelemetry();
    const { connections, streams, resets, failures } = createCounters().read();
    const valuesOf = async (name: string): Promise<object[]> =>
      (await measureAll(name)).map(({ attributes }) => Object.values(attributes));
    expect(await valuesOf("holdfast.connection.closed")).toEqual(
      Object.keys(connections.closed).map((r) => [r]),
    );
    expect(await valuesOf("holdfast.stream.ended")).toEqual(Object.keys(streams.ended).map((s) => [s]));
    expect(await valuesOf("holdfast.connection.resets")).toEqual(Object.keys(resets).map((r) => [r]));
    expect(await valuesOf("holdfast.failures")).toEqual(Object.keys(failures).map((f) => [f]));
    expect(await measureAll("holdfast.connection.opened")).toMatchObject([{ value: 0 }]);
    observer.heartbeat({ id: "a" });
    expect(await measureAll("holdfast.connection.heartbeats")).toMatchObject([{ value: 1 }]);
  });
});

test("what the registry holds is measured at each collection, until it is stopped", async () => {
  const { observer, registry, connect, measure } = createTelemetry();
  const stop = observer.observe(registry);
  const writer = await registry.open("a");
  writer.push({ data: "held" });
  await connect("a");
  await connect("not yet");
  const { bytes } = registry.gauges();
  expect(bytes).toBeGreaterThan(0);
  expect(await measure("holdfast.registry.connections")).toMatchObject([{ value: 2 }]);
  expect(await measure("holdfast.registry.waiting")).toMatchObject([{ value: 1 }]);
  expect(await measure("holdfast.registry.streams")).toMatchObject([{ value: 1 }]);
  expect(await measure("holdfast.registry.lingering")).toMatchObject([{ value: 0 }]);
  expect(await measure("holdfast.registry.bytes")).toMatchObject([{ unit: "By", value: bytes }]);
  stop();
  stop();
  await connect("a");
  expect(registry.gauges().connections).toBe(3);
  expect(await measure("holdfast.registry.connections")).toMatchObject([{ value: 2 }]);
});

test("every gauge of a registry is measured", async () => {
  const { observer, registry, metrics } = createTelemetry();
  observer.observe(registry);
  expect((await metrics()).map(({ descriptor }) => descriptor.name)).toEqual(
    expect.arrayContaining(Object.keys(registry.gauges()).map((name) => `holdfast.registry.${name}`)),
  );
});

test("the name of the registry is an attribute of everything", async () => {
  const { observer, registry, connect, clock, measure, spans } = createTelemetry({ name: "jobs" });
  observer.observe(registry);
  const writer = await registry.open("a");
  await connect("a");
  await writer.end();
  await clock.flush();
  const named = { "holdfast.registry.name": "jobs" };
  for (const name of ["connection.opened", "connection.duration", "stream.ended", "registry.streams"]) {
    expect(await measure(`holdfast.${name}`), name).toMatchObject([{ attributes: named }]);
  }
  expect(spans()).toMatchObject([{ attributes: named }, { attributes: named }]);
});

test("another observer gets everything as well, and without one failures and warnings are logged", async () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
  const streamOpened = vi.fn<NonNullable<Observer["streamOpened"]>>();
  const { registry, observer, measure } = createTelemetry({ observer: { streamOpened } });
  const { epoch } = await registry.open("a");
  observer.failed({ id: "a", stage: "source", error: new Error("no") });
  observer.warned({ id: "a", message: "mistake" });
  expect(streamOpened.mock.calls).toEqual([[{ id: "a", epoch }]]);
  expect(warn).toHaveBeenCalledTimes(2);
  expect(await measure("holdfast.stream.opened")).toMatchObject([{ value: 1 }]);
  warn.mockRestore();
});
