import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { serveApp } from "./serve-app.ts";
import { tempFolder } from "./temp-folder.ts";

// Covers docs/monitoring.md, except what it says of OpenTelemetry.

const read = (file: string): string => readFileSync(join(import.meta.dirname, file), "utf8");
const docs = read("../../../docs/monitoring.md");

test("the page shows the code of the demo", () => {
  expect(docs).toContain(`\`\`\`ts\n${read("../metrics.ts")}\`\`\``);
  const [route] = /^app\.get\("\/metrics".*?^\);$/ms.exec(docs) ?? [];
  expect(route).toBeDefined();
  expect(read("../app.ts").replaceAll(/^ {2}/gm, "")).toContain(route);
});

test("the metrics, labels and values on the page exist", async () => {
  const { url } = await serveApp({ root: tempFolder() });
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const page = docs.replaceAll(/```ts.*?```/gs, "");
  const names = new Set(page.match(/\bholdfast_\w+/g));
  expect(names.size).toBeGreaterThan(10);
  // With OpenTelemetry only.
  names.delete("holdfast_connection_duration_seconds");
  for (const name of names) expect(metrics).toMatch(new RegExp(`\\b${name}[ {=]`));
  const selectors = [...page.matchAll(/\b(holdfast_\w+)=~?"([\w|]+)"/g)];
  expect(selectors.length).toBeGreaterThan(5);
  for (const [, label, values] of selectors) {
    for (const value of values?.split("|") ?? []) expect(metrics).toContain(`{${label}="${value}"}`);
  }
});
