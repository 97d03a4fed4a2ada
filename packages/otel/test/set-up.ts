import { createRegistry } from "@holdfast/core"; // or from your adapter, which exports it too
import { createOtelObserver } from "@holdfast/otel";
import { metrics, trace } from "@opentelemetry/api";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";

// OTEL_EXPORTER_OTLP_ENDPOINT has the address of the collector.
const reader = new PeriodicExportingMetricReader({ exporter: new OTLPMetricExporter() });
const meters = new MeterProvider({ readers: [reader] });
const tracers = new TracerProvider({
  spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter() })],
});
metrics.setGlobalMeterProvider(meters);
trace.setGlobalTracerProvider(tracers);

const telemetry = createOtelObserver({ name: "jobs" });
export const jobs = createRegistry({ observer: telemetry });
telemetry.observe(jobs);

export async function shutDown(): Promise<void> {
  await jobs.close();
  await Promise.all([meters.shutdown(), tracers.shutdown()]);
}
