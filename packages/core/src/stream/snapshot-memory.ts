/** What counts the bytes of a registry. */
export interface ByteBudget {
  /** Returns false, and counts nothing, if there is no room. */
  reserve(bytes: number): boolean;
  release(bytes: number): void;
}

/** At most this part of the registry's bytes is for snapshots: whoever asks for an id has one read. */
const SHARE = 0.25;

/** The snapshots that are in memory: what their clients are still to be sent, and results that are kept for others. */
export class SnapshotMemory implements ByteBudget {
  readonly #budget: ByteBudget;
  readonly #limit: number;
  #bytes = 0;

  /** @param limit how many bytes the registry has for everything */
  constructor(budget: ByteBudget, limit: number) {
    this.#budget = budget;
    this.#limit = limit * SHARE;
  }

  reserve(bytes: number): boolean {
    if (this.#bytes + bytes > this.#limit || !this.#budget.reserve(bytes)) return false;
    this.#bytes += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#bytes -= bytes;
    this.#budget.release(bytes);
  }
}

/** Memory that several hold. It is counted once, as long as one of them does. */
export class SharedMemory {
  readonly #bytes: number;
  readonly #budget: ByteBudget;
  #holders = 0;

  constructor(bytes: number, budget: ByteBudget) {
    this.#bytes = bytes;
    this.#budget = budget;
  }

  /** Returns how to let go (idempotent), or `undefined` if nobody holds it and there is no room. */
  hold(): (() => void) | undefined {
    if (this.#holders === 0 && !this.#budget.reserve(this.#bytes)) return undefined;
    this.#holders++;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#holders--;
      if (this.#holders === 0) this.#budget.release(this.#bytes);
    };
  }
}
