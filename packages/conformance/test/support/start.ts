import type { AdapterUnderTest } from "@holdfast/conformance";
import type { Source } from "@holdfast/core";
import { expect, onTestFinished } from "vitest";
import { eventually } from "../../src/adapter-suite/eventually.ts";

/**
 * Serves everybody with what this gives, until the test is finished; by then every call of the adapter has come to its
 * end. Returns the port.
 */
export async function serving(adapter: AdapterUnderTest, source: () => Source): Promise<{ port: number }> {
  let handling = 0;
  const { port, close } = await adapter.start(async ({ sse }) => {
    handling++;
    try {
      return await sse(source());
    } finally {
      handling--;
    }
  });
  onTestFinished(async () => {
    await eventually(() => expect(handling).toBe(0));
    await close();
  });
  return { port };
}
