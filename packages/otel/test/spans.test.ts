import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { describe, expect, test } from "vitest";
import { createTelemetry } from "./telemetry.ts";

const named = (spans: readonly ReadableSpan[], name: string): ReadableSpan[] =>
  spans.filter((span) => span.name === name);
const linksOf = ({ links }: ReadableSpan): string[] => links.map(({ context }) => context.spanId);

describe("a stream", () => {
  test("has a span from its opening to its end, and each of its connections has one that links to it", async () => {
    const { registry, connect, clock, spans } = createTelemetry();
    const writer = await registry.open("a");
    writer.push({ data: "1" });
    await connect("a");
    const leaving = await connect("a");
    await clock.advance(2_000);
    leaving.leave();
    await clock.flush();
    await writer.end();
    await clock.flush();

    const [stream] = named(spans(), "publish");
    expect(stream).toMatchObject({
      kind: SpanKind.PRODUCER,
      status: { code: SpanStatusCode.UNSET },
      attributes: {
        "messaging.system": "holdfast",
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
        "messaging.destination.name": "a",
        "holdfast.stream.epoch": writer.epoch,
        "holdfast.end.status": "done",
        "holdfast.events": 1,
      },
    });
    const connections = named(spans(), "deliver");
    expect(connections).toHaveLength(2);
    for (const connection of connections) {
      expect(linksOf(connection)).toEqual([stream?.spanContext().spanId]);
      expect(connection).toMatchObject({
        kind: SpanKind.CONSUMER,
        duration: [2, 0],
        attributes: { "messaging.destination.name": "a", "holdfast.events": 1 },
      });
    }
    expect(connections.map(({ attributes }) => attributes["holdfast.close.reason"])).toEqual([
      "disconnected",
      "ended",
    ]);
  });

  test("that has ended is still linked to by those who read it later", async () => {
    const { registry, connect, clock, spans } = createTelemetry();
    const writer = await registry.open("a");
    await writer.end();
    await connect("a");
    await clock.flush();
    const [stream, connection] = spans();
    expect(connection && linksOf(connection)).toEqual([stream?.spanContext().spanId]);
  });

  test("that failed is an error; one that was cancelled is not", async () => {
    const { registry, spans, clock } = createTelemetry({ observer: { failed: () => undefined } });
    await (await registry.open("a")).fail(new Error("no"));
    await registry.open("b");
    await registry.cancel("b");
    await clock.flush();
    expect(spans()).toMatchObject([
      { status: { code: SpanStatusCode.ERROR }, attributes: { "error.type": "failed" } },
      { status: { code: SpanStatusCode.UNSET }, attributes: { "holdfast.end.status": "cancelled" } },
    ]);
  });

  test("that is interrupted and continued has a span for each producer, the later one with a link to the earlier", async () => {
    const { registry, spans, clock } = createTelemetry(
      { observer: { failed: () => undefined } },
      { retryWindow: 60_000 },
    );
    const first = await registry.open("a");
    await first.fail(new Error("crashed"));
    await clock.flush();
    expect(spans()).toEqual([]);
    const second = await registry.open("a", { ifExists: "append" });
    await second.end();
    await clock.flush();
    expect(spans()).toMatchObject([
      { attributes: { "holdfast.stream.epoch": first.epoch } },
      { attributes: { "holdfast.stream.epoch": second.epoch, "holdfast.end.status": "done" } },
    ]);
    const [earlier, later] = spans();
    expect(later && linksOf(later)).toEqual([earlier?.spanContext().spanId]);
  });

  test("has a span that other spans can link to", async () => {
    const { registry, observer, spans, clock } = createTelemetry();
    const writer = await registry.open("a");
    const context = observer.spanContext("a");
    await writer.end();
    await clock.flush();
    expect(context).toEqual(spans()[0]?.spanContext());
    expect(observer.spanContext("elsewhere")).toBeUndefined();
  });
});

test("a connection without a stream of this process has a span without a link", async () => {
  const { connect, clock, spans } = createTelemetry();
  const client = await connect("elsewhere");
  client.leave();
  await clock.flush();
  expect(spans()).toMatchObject([{ name: "deliver", links: [] }]);
});

test("a client that reads nothing has a span with an error", async () => {
  const { registry, connect, clock, spans } = createTelemetry({}, { heartbeat: 1_000, idleTimeout: 5_000 });
  const writer = await registry.open("a");
  const client = await connect("a");
  client.stall();
  writer.push({ data: "never read" });
  await clock.advance(20_000);
  expect(spans()).toMatchObject([
    { status: { code: SpanStatusCode.ERROR }, attributes: { "error.type": "zombie" } },
  ]);
});

test("the channels of a registry that is observed have no span: they never end", async () => {
  const { registry, observer } = createTelemetry();
  observer.observe(registry);
  registry.channel("lobby").push({ data: "hello" });
  await registry.open("a");
  expect(registry.get("lobby")?.kind).toBe("channel");
  expect(observer.spanContext("lobby")).toBeUndefined();
  expect(observer.spanContext("a")).toBeDefined();
});

test("the span of a stream that is no longer produced here ends when metrics are collected", async () => {
  const { observer, registry, measure, spans } = createTelemetry();
  observer.observe(registry);
  await registry.open("a");
  observer.streamOpened({ id: "taken over", epoch: "abcdefghij" });
  await measure("any");
  expect(spans()).toMatchObject([{ attributes: { "messaging.destination.name": "taken over" } }]);
});

test("of very many streams the oldest is forgotten, and its span ends", () => {
  const { observer, spans } = createTelemetry();
  for (let n = 0; n <= 10_000; n++) observer.streamOpened({ id: String(n), epoch: "abcdefghij" });
  expect(spans()).toMatchObject([{ attributes: { "messaging.destination.name": "0" } }]);
  expect(observer.spanContext("0")).toBeUndefined();
  expect(observer.spanContext("1")).toBeDefined();
});
