import type { AdapterUnderTest } from "@holdfast/conformance";
import type { Source } from "@holdfast/core";
import { expect, onTestFinished } from "vitest";
import { eventually } from "../../src/harness/eventually.ts";

/**
 * Serves every request with the source that `source` returns, until the test is finished; by then every call of the adapter
 * has settled.
 */
export async function serveSource(
  adapter: AdapterUnderTest,
  source: () => Source,
): Promise<{ readonly port: number }> {
  let pendingCalls = 0;
  const { port, close } = await adapter.start(async ({ sse }) => {
    pendingCalls++;
    try {
      return await sse(source());
    } finally {
      pendingCalls--;
    }
  });
  onTestFinished(async () => {
    await eventually(() => expect(pendingCalls).toBe(0));
    await close();
  });
  return { port };
}
