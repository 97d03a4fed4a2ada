import { createRegistry, type Registry } from "@holdfast/core";

// Next.js bundles instrumentation.ts apart from the routes, so each would have a registry without `globalThis`.
export const jobs = ((globalThis as { jobs?: Registry }).jobs ??= createRegistry({
  async *source() {
    for (let data = 1; ; data++) {
      yield { event: "tick", data };
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  },
}));
