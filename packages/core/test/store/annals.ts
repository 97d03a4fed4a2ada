/** One life of a stream as its producer knows it. */
export interface Life {
  readonly epoch: string;
  /** The event `n` stands at `n - 1`. */
  readonly events: string[];
  /** How its producer ended it, if it did. */
  status: string | undefined;
  /** What clients were told of its end. */
  readonly told: Set<string>;
}

/** What really happened to all streams, and what clients of all registries were told: one must be the other. */
export class Annals {
  readonly #lives = new Map<string, Life>();
  #isBack = false;
  readonly #rooms = new Map<string, { readonly events: Map<number, string>; readonly all: Set<string> }>();

  /**
   * The store has gone back to an older copy. What a channel had since is given out again, for nobody holds its numbers
   * against that but those who happen to look before the next push.
   */
  wentBack(): void {
    this.#isBack = true;
  }

  begin(epoch: string): Life {
    if (this.#lives.has(epoch)) throw new Error(`Two lives of the epoch ${epoch}`);
    const life: Life = { epoch, events: [], status: undefined, told: new Set() };
    this.#lives.set(epoch, life);
    return life;
  }

  life(epoch: string): Life | undefined {
    return this.#lives.get(epoch);
  }

  get lives(): Iterable<Life> {
    return this.#lives.values();
  }

  seen(epoch: string, seq: number, data: string): void {
    const life = this.#lives.get(epoch);
    if (life === undefined) return this.#isBack ? undefined : this.#seenInRoom(epoch, seq, data);
    if (life.events[seq - 1] !== data)
      throw new Error(`${epoch}.${seq} is ${life.events[seq - 1]}, somebody got ${data}`);
  }

  ended(epoch: string, seq: number, status: string): void {
    const life = this.#lives.get(epoch);
    if (life === undefined) {
      // It was opened, and nobody heard of it.
      if (seq === 0 && !this.#rooms.has(epoch) && ["lost", "cancelled"].includes(status)) return;
      throw new Error(`What nobody produces has ended as ${status} at ${seq}`);
    }
    life.told.add(status);
    const isWhole = status === "done" || status === "failed";
    if (isWhole && life.status !== status) throw new Error(`Told ${status}, ended ${life.status}`);
    if (isWhole && seq !== life.events.length)
      throw new Error(`Ended ${status} at ${seq} of ${life.events.length}`);
    if (seq > life.events.length) throw new Error(`Ended at ${seq} of ${life.events.length}`);
  }

  /** A channel's events are numbered by the store: all must see the same ones, and each once. */
  #seenInRoom(epoch: string, seq: number, data: string): void {
    const room = this.#rooms.get(epoch) ?? { events: new Map<number, string>(), all: new Set<string>() };
    this.#rooms.set(epoch, room);
    const known = room.events.get(seq);
    if (known === data) return;
    if (known !== undefined) throw new Error(`${epoch}.${seq} is ${known}, somebody got ${data}`);
    if (room.all.has(data)) throw new Error(`${data} comes twice in ${epoch}`);
    room.events.set(seq, data);
    room.all.add(data);
  }
}
