import { createRegistry, type Registry } from "@holdfast/core";

// On globalThis, because bundlers and reloads in development load this module more than once.
export const jobs = ((globalThis as { jobs?: Registry }).jobs ??= createRegistry({ source }));

async function* source() {
  for (let data = 1; ; data++) {
    yield { event: "tick", data };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
