import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { createTelemetry } from "./telemetry.ts";

const UNITS: Readonly<Record<string, string>> = { s: "_seconds", By: "_bytes" };

/** The name that Prometheus gives to a metric that it gets over OTLP. */
function nameInPrometheus(name: string, unit: string, isCounter: boolean): string {
  const base = name.replaceAll(".", "_");
  const suffix = UNITS[unit] ?? "";
  return base + (base.endsWith(suffix) ? "" : suffix) + (isCounter ? "_total" : "");
}

test("the metrics of docs/monitoring.md are recorded, under the names that Prometheus gives them", async () => {
  const { observer, registry, metrics } = createTelemetry();
  observer.observe(registry);
  const recorded = (await metrics()).map(({ descriptor: { name, unit }, ...metric }) =>
    nameInPrometheus(name, unit, "isMonotonic" in metric && metric.isMonotonic),
  );
  const labels = (await metrics()).flatMap(({ dataPoints }) =>
    dataPoints.flatMap(({ attributes }) => Object.keys(attributes).map((name) => name.replaceAll(".", "_"))),
  );
  const docs = await readFile(new URL("../../../docs/monitoring.md", import.meta.url), "utf8");
  const page = docs.replaceAll(/```ts.*?```/gs, "");
  const named = new Set(page.match(/\bholdfast_\w+/g));
  expect(named.size).toBeGreaterThan(10);
  // Only a connection that has closed has a duration.
  const known = [...recorded, ...labels, "holdfast_connection_duration_seconds"];
  for (const name of named) expect(known).toContain(name);
});
