import { createRegistry, type Registry, type RegistryOptions, serve } from "@holdfast/core";
import {
  createFakeClock,
  createMemoryClient,
  type FakeClock,
  type MemoryClient,
} from "@holdfast/core/testing";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  type MetricData,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { type ReadableSpan, TracerProvider } from "@opentelemetry/sdk-trace";
import { onTestFinished } from "vitest";
import { createOtelObserver, type OtelObserver, type OtelOptions } from "../src/index.ts";

interface Measured {
  readonly unit: string;
  readonly attributes: object;
  readonly value: unknown;
}

export interface Telemetry {
  readonly clock: FakeClock;
  readonly observer: OtelObserver;
  readonly registry: Registry;
  /** The spans that have ended. */
  readonly spans: () => readonly ReadableSpan[];
  /** Collects all metrics, and returns the data points of those with this name that have counted something. */
  readonly measure: (name: string) => Promise<Measured[]>;
  /** The same, with those that have counted nothing. */
  readonly measureAll: (name: string) => Promise<Measured[]>;
  /** Collects all metrics. */
  readonly metrics: () => Promise<MetricData[]>;
  readonly connect: (id: string) => Promise<MemoryClient>;
}

/** A registry on a fake clock, whose observer records into memory. */
export function createTelemetry(options: OtelOptions = {}, registryOptions: RegistryOptions = {}): Telemetry {
  const ended: ReadableSpan[] = [];
  const nothing = async (): Promise<void> => undefined;
  const recorder = {
    onStart: () => undefined,
    onEnd: (span: ReadableSpan) => void ended.push(span),
    forceFlush: nothing,
    shutdown: nothing,
  };
  const tracerProvider = new TracerProvider({ spanProcessors: [recorder] });
  const reader = new PeriodicExportingMetricReader({
    exporter: new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE),
    // It is asked by the tests.
    exportIntervalMillis: 1e9,
    exportTimeoutMillis: 1e8,
  });
  const meterProvider = new MeterProvider({ readers: [reader] });
  onTestFinished(() => meterProvider.shutdown());
  const observer = createOtelObserver({ tracerProvider, meterProvider, ...options });
  const clock = createFakeClock();
  const registry = createRegistry({ clock, random: () => 0.5, observer, ...registryOptions });

  const metrics = async (): Promise<MetricData[]> =>
    (await reader.collect()).resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
  const measureAll = async (name: string): Promise<Measured[]> =>
    (await metrics())
      .filter(({ descriptor }) => descriptor.name === name)
      .flatMap(({ descriptor: { unit }, dataPoints }) =>
        dataPoints.map(({ attributes, value }) => ({ unit, attributes, value })),
      );
  return {
    clock,
    observer,
    registry,
    spans: () => ended,
    measure: async (name) => {
      const all = await measureAll(name);
      return all.length > 1 ? all.filter(({ value }) => value !== 0) : all;
    },
    measureAll,
    metrics,
    async connect(id) {
      const client = createMemoryClient();
      void serve(client.request, client.open, registry.stream(id));
      await clock.flush();
      return client;
    },
  };
}
