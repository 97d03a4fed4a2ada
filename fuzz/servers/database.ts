import { setTimeout as pause } from "node:timers/promises";
import type { Snapshot } from "@holdfast/core";
import type { Random } from "../harness/random.ts";
import { eventData } from "../invariants/event-data.ts";
import { PLANNED } from "./producers.ts";

type Row = Snapshot<{ message: string }>;

/** The service's own database: it fails, is slow, hangs, and has rows that are finished after a while. */
export class Database {
  readonly #random: Random;
  /** How often each row was read. */
  readonly #reads = new Map<string, number>();

  constructor(random: Random) {
    this.#random = random;
  }

  async ask(id: string): Promise<Row | undefined> {
    if (this.#random.chance(0.2)) throw new Error(PLANNED);
    if (id === "slow-row") await pause(200, undefined, { ref: false });
    if (id === "hanging-row") return new Promise(() => undefined);
    if (/^(job|flaky)-\d$/.test(id)) return { state: "pending" };
    return /^row-\d$/.test(id) ? this.#row(id) : undefined;
  }

  #row(id: string): Row {
    const reads = (this.#reads.get(id) ?? 0) + 1;
    this.#reads.set(id, reads);
    if (reads < 3) return { state: reads === 1 ? "pending" : "running" };
    const events = Array.from({ length: 200 }, (_, index) => ({
      data: eventData(id, index + 1, index === 199),
    }));
    return { state: "done", events };
  }
}
