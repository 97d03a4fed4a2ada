import { createRegistry, type Registry, type RegistryOptions } from "@holdfast/core";
import { expect, onTestFinished } from "vitest";
import { eventually } from "../../src/harness/eventually.ts";
import { type Recorded, recordingObserver } from "./recording-observer.ts";

/**
 * A registry for one test. When the test is finished, nothing is left in it, each connection that opened has closed once,
 * and nothing has failed.
 */
export function testRegistry(options: RegistryOptions = {}): { registry: Registry; recorded: Recorded } {
  const recorded = recordingObserver();
  const registry = createRegistry({ observer: recorded.observer, ...options });
  onTestFinished(async () => {
    await eventually(() => expect(registry.gauges()).toMatchObject({ connections: 0, waiting: 0 }));
    await registry.close();
    expect(registry.gauges()).toEqual({ connections: 0, waiting: 0, streams: 0, lingering: 0, bytes: 0 });
    expect(recorded.closed).toHaveLength(recorded.opened);
    expect(recorded.failed).toEqual([]);
  });
  return { registry, recorded };
}
