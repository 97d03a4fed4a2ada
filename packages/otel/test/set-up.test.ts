import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { listen } from "@holdfast/conformance";
import { sse } from "@holdfast/node-http";
import { metrics, trace } from "@opentelemetry/api";
import { expect, onTestFinished, test, vi } from "vitest";

const read = (path: string): Promise<string> => readFile(new URL(path, import.meta.url), "utf8");

interface Received {
  readonly resourceMetrics?: readonly {
    scopeMetrics: readonly { scope: object; metrics: { name: string }[] }[];
  }[];
  readonly resourceSpans?: readonly { scopeSpans: readonly { scope: object; spans: Span[] }[] }[];
}

interface Span {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly links?: readonly { readonly spanId: string; readonly traceId: string }[];
}

/** A collector that keeps what it receives over OTLP/HTTP as JSON, by the path. */
async function startCollector(): Promise<{ url: string; received: Record<string, Received[]> }> {
  const received: Record<string, Received[]> = {};
  const server = createServer((req, res) => {
    void text(req).then((body) => {
      (received[req.url ?? ""] ??= []).push(JSON.parse(body) as Received);
      res.setHeader("content-type", "application/json").end("{}");
    });
  });
  const { port, close } = await listen(server);
  onTestFinished(close);
  return { url: `http://127.0.0.1:${port}`, received };
}

test("the set-up of the docs sends metrics and linked spans to a collector", async () => {
  const code = `\`\`\`ts\n${await read("set-up.ts")}\`\`\``;
  expect(await read("../README.md")).toContain(code);
  expect(await read("../../../docs/monitoring.md")).toContain(code);

  const collector = await startCollector();
  vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url);
  onTestFinished(() => {
    vi.unstubAllEnvs();
    metrics.disable();
    trace.disable();
  });
  const { jobs, shutDown } = await import("./set-up.ts");
  const server = createServer((req, res) => void sse(req, res, jobs.stream("42")));
  const { port, close } = await listen(server);
  onTestFinished(close);
  const job = await jobs.open("42");
  const response = await fetch(`http://127.0.0.1:${port}`);
  job.push({ data: "Once" });
  await job.end();
  expect(await response.text()).toContain("data: Once");
  await shutDown();

  const collected = collector.received["/v1/metrics"]?.at(-1)?.resourceMetrics?.[0]?.scopeMetrics[0];
  expect(collected?.scope).toMatchObject({ name: "@holdfast/otel" });
  expect(collected?.metrics.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      "holdfast.connection.duration",
      "holdfast.event.pushed",
      "holdfast.registry.streams",
    ]),
  );
  const spans = collector.received["/v1/traces"]?.[0]?.resourceSpans?.[0]?.scopeSpans[0]?.spans ?? [];
  const [stream] = spans.filter(({ name }) => name === "publish");
  const [connection] = spans.filter(({ name }) => name === "deliver");
  expect(connection?.links).toMatchObject([{ traceId: stream?.traceId, spanId: stream?.spanId }]);
});
