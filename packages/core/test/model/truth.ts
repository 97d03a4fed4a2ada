import type { EndStatus } from "../../src/observer.ts";

/** One life of a stream as its producer knows it. */
export interface Life {
  readonly epoch: string;
  /** The data of every event ever pushed; the event `n` stands at `n - 1`. */
  readonly events: string[];
  status: EndStatus | undefined;
  endedAt: number;
}

/** What really happened, kept beside the code under test and never read from it. */
export class Truth {
  readonly #lives = new Map<string, Life>();

  begin(epoch: string): Life {
    const life: Life = { epoch, events: [], status: undefined, endedAt: Infinity };
    this.#lives.set(epoch, life);
    return life;
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
