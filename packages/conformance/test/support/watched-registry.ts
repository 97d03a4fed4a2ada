import { createRegistry, type Registry, type RegistryOptions } from "@holdfast/core";
import { expect, onTestFinished } from "vitest";
import { eventually } from "../../src/adapter-suite/eventually.ts";
import { createWatch, type Watch } from "./watch.ts";

/**
 * A registry for one test. Whatever the test did, in the end nothing is left in it, and each connection that opened
 * has closed once.
 */
export function watchedRegistry(options: RegistryOptions = {}): { registry: Registry; watch: Watch } {
  const watch = createWatch();
  const registry = createRegistry({ observer: watch.observer, ...options });
  onTestFinished(async () => {
    await eventually(() => expect(registry.gauges()).toMatchObject({ connections: 0, waiting: 0 }));
    await registry.close();
    expect(registry.gauges()).toEqual({ connections: 0, waiting: 0, streams: 0, lingering: 0, bytes: 0 });
    expect(watch.closed).toHaveLength(watch.opened);
    expect(watch.failed).toEqual([]);
  });
  return { registry, watch };
}
