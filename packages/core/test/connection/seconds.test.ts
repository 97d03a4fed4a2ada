import { expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import type { Registry, RegistryOptions } from "../../src/registry/types.ts";
import { serve } from "../../src/connection/serve.ts";
import { createRegistry } from "../../src/registry/registry.ts";
import { createFakeClock, createMemoryClient } from "../../src/testing/index.ts";

function create(options: RegistryOptions): {
  registry: Registry;
  warnings: string[];
} {
  const warnings: string[] = [];
  const observer = { warned: ({ message }: { message: string }) => void warnings.push(message) };
  return { registry: createRegistry({ observer, ...options }), warnings };
}

test("times that look like seconds are worth one warning of a registry", async () => {
  const { registry, warnings } = create({ heartbeat: 15, idle: 3_600 });
  expect(warnings).toEqual([
    "All times are in milliseconds, and `heartbeat: 15`, `idle: 3600` is very short. Was it meant in seconds?",
  ]);
  await registry.open("a", { retryWindow: 60 });
  expect(warnings).toHaveLength(1);
});

test("so are those of `open`, of a reference and of a call", async () => {
  const opened = create({});
  await opened.registry.open("a", { retryWindow: 60 });
  expect(opened.warnings).toEqual([expect.stringContaining("`retryWindow: 60`")]);

  const referred = create({});
  referred.registry.stream("a", { wait: 90 });
  expect(referred.warnings).toEqual([expect.stringContaining("`wait: 90`")]);

  const called = create({ source: () => new ReadableStream({ start: (controller) => controller.close() }) });
  const client = createMemoryClient();
  await serve(client.request, client.open, called.registry.stream("a"), { idleTimeout: 30 });
  expect(called.warnings).toEqual([expect.stringContaining("`idleTimeout: 30`")]);
});

test("those of bare sources are worth one warning of a process", async () => {
  const warnings: string[] = [];
  const observer = { warned: ({ message }: { message: string }) => void warnings.push(message) };
  for (let count = 0; count < 2; count++) {
    const client = createMemoryClient();
    await serve(client.request, client.open, ({ close }) => close(), { heartbeat: 20, observer });
  }
  expect(warnings).toEqual([expect.stringContaining("`heartbeat: 20`")]);
});

test.each<RegistryOptions>([
  { heartbeat: 1_000, idleTimeout: 5_000, maxDuration: 10_000, wait: 1_000, linger: 1_000, idle: 10_000 },
  { wait: 0, linger: 0, retryWindow: 0 },
  { linger: 20 },
  { heartbeat: Infinity, idleTimeout: Infinity, maxDuration: Infinity, idle: Infinity },
])("other times are not: %j", (options) => {
  expect(create({ ...options, clock: systemClock }).warnings).toEqual([]);
});

test("nor are those of a test with a clock of its own", () => {
  expect(create({ heartbeat: 15, clock: createFakeClock() }).warnings).toEqual([]);
});
