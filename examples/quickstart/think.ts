import { setTimeout } from "node:timers/promises";

/** Stands for a model that answers a word at a time. */
export async function* think(signal: AbortSignal): AsyncGenerator<{ event: "token"; data: string }> {
  for (const word of "Whoever comes late, comes back or reads slowly gets every word.".split(" ")) {
    await setTimeout(100, undefined, { signal });
    yield { event: "token", data: word };
  }
}
