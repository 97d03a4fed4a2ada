import { setTimeout as pause } from "node:timers/promises";
import type { BareSource } from "@holdfast/core";
import { eventData } from "../invariants/event-data.ts";
import { PLANNED } from "./producers.ts";

const EVENTS = 300;

/** Bare sources by name. `running` counts those that have begun and not ended. */
export class BareSources {
  running = 0;

  get(name: string): BareSource | undefined {
    switch (name) {
      case "count":
        return ({ lastEventId, signal }) =>
          this.#count(Number(/^bare\.(\d+)$/.exec(lastEventId ?? "")?.[1] ?? 0), signal);
      case "throws":
        return async function* () {
          yield { data: "before" };
          throw new Error(PLANNED);
        };
      case "flood":
        return ({ push }) => {
          this.running++;
          const timer = setInterval(() => push({ data: "flood".repeat(10_000) }), 10);
          return () => {
            this.running--;
            clearInterval(timer);
          };
        };
      case "silent":
        return () => {
          this.running++;
          return () => void this.running--;
        };
      default:
        return undefined;
    }
  }

  /** Numbered events, behind the client's cursor. */
  async *#count(from: number, signal: AbortSignal): AsyncGenerator<{ id: string; data: string }> {
    this.running++;
    try {
      for (let number = from + 1; number <= EVENTS && !signal.aborted; number++) {
        yield { id: `bare.${number}`, data: eventData("bare", number, number === EVENTS) };
        if (number % 20 === 0) await pause(1);
      }
    } finally {
      this.running--;
    }
  }
}
