import { encodeEvent } from "../../src/protocol/encode.ts";
import type { SseEvent } from "../../src/protocol/event.ts";
import { hash53 } from "../../src/base/hash.ts";
import type { EndStatus } from "../../src/protocol/reasons.ts";

/** One life of a stream as its producer knows it. */
export interface Life {
  readonly epoch: string;
  /** The data of every event ever pushed; the event `n` stands at `n - 1`. */
  readonly events: string[];
  status: EndStatus | undefined;
  endedAt: number;
}

/** A result as a database keeps it. */
export interface Result {
  readonly state: "done" | "failed" | "cancelled";
  readonly events: readonly { readonly event: string; readonly data: string }[];
}

/** What really happened, kept beside the code under test and never read from it. */
export class Truth {
  readonly #lives = new Map<string, Life>();

  begin(epoch: string): Life {
    const life: Life = { epoch, events: [], status: undefined, endedAt: Infinity };
    this.#lives.set(epoch, life);
    return life;
  }

  /** A finished result is a life of its own, under a name that its content gives it. */
  publish({ state, events }: Result): void {
    const life = this.begin(epochOf(state, events));
    life.events.push(...events.map(({ data }) => data));
    life.status = state;
  }

  find(epoch: string): Life | undefined {
    return this.#lives.get(epoch);
  }

  life(epoch: string): Life {
    const life = this.find(epoch);
    if (life === undefined) throw new Error(`Nobody ever opened the epoch ${epoch}`);
    return life;
  }
}

/** As the documentation has it: any other machine must come to the same. */
function epochOf(state: string, events: readonly SseEvent[]): string {
  const text = events.map((event) => new TextDecoder().decode(encodeEvent(event))).join("");
  return (hash53(state + text) % 36 ** 10).toString(36).padStart(10, "0");
}
