import { createRegistry, type Registry } from "@holdfast/core";

// Next.js bundles instrumentation.ts apart from the routes: without `globalThis`, each would have its own registry.
export const jobs = ((globalThis as { jobs?: Registry }).jobs ??= createRegistry({ source }));

async function* source() {
  for (let data = 1; ; data++) {
    yield { event: "tick", data };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
