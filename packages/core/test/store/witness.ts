import type { MemoryClient } from "../../src/testing/index.ts";
import { decodeFrames } from "../../src/protocol/decode.ts";
import type { Annals } from "./annals.ts";

interface Place {
  readonly epoch: string;
  readonly seq: number;
}

/**
 * A client that keeps its last event id over all its connections, to whichever registry, and believes nothing: every
 * event must be the very next one, or what is missing be announced.
 */
export class Witness {
  /** What it sends as `Last-Event-ID`. */
  cursor: string | undefined;
  client: MemoryClient | undefined;
  readonly id: string;
  readonly #annals: Annals;
  #place: Place | undefined;
  #read = 0;
  #lives = 0;
  #waiting = false;
  #over = false;
  /** Opened without an id: a reset must follow. */
  #unplaced = false;
  /** It was told that everything before is void. */
  resets = 0;

  constructor(id: string, annals: Annals) {
    this.id = id;
    this.#annals = annals;
  }

  get place(): Place | undefined {
    return this.#place;
  }

  get waits(): boolean {
    return this.#waiting;
  }

  /** Whether it was told the end of the stream, or that there is none. */
  get ended(): boolean {
    return this.#over;
  }

  connect(client: MemoryClient): void {
    this.client = client;
    this.#read = this.#lives = 0;
    this.#waiting = this.#over = this.#unplaced = false;
    this.#place = place(this.cursor);
  }

  leave(): void {
    this.read();
    this.client?.leave();
    if (this.#over) this.cursor = undefined;
    this.client = undefined;
  }

  read(): void {
    if (this.client === undefined) return;
    const { text } = this.client;
    const end = text.lastIndexOf("\n\n") + 2;
    if (end <= Math.max(1, this.#read)) return;
    const blocks = decodeFrames(new TextEncoder().encode(text.slice(this.#read, end)));
    this.#read = end;
    for (const { id, event, data } of blocks) {
      if (data !== "") this.#event(event, id, data);
      if (id !== undefined) this.cursor = id;
    }
  }

  #event(event: string, id: string | undefined, data: string): void {
    if (this.#over) throw new Error(`Something after the end: ${event}`);
    const told = (): never => {
      throw new Error(`At ${this.cursor}, told ${event} ${id} ${data}`);
    };
    if (event === "stream.open") {
      const { state } = JSON.parse(data) as { state: string };
      this.#waiting = state === "waiting";
      if (this.#waiting) return;
      const start = place(id);
      if (start === undefined) {
        this.#unplaced = true;
        return;
      }
      if (this.cursor !== undefined && this.cursor !== id) told();
      this.#place = start;
    } else if (event === "stream.reset") {
      const { lost } = JSON.parse(data) as { lost: [number, number] | null };
      const to = place(id);
      if (to === undefined) return told();
      if (lost !== null) {
        const from = this.#place?.epoch === to.epoch ? this.#place.seq : 0;
        if (lost[0] !== from + 1 || lost[1] !== to.seq || lost[0] > lost[1]) told();
      } else this.resets++;
      this.#place = to;
      this.#unplaced = false;
    } else if (event === "stream.live") {
      if (++this.#lives > 1) told();
    } else if (event === "stream.end") {
      this.#over = true;
      const { status } = JSON.parse(data) as { status: string };
      const end = place(id);
      if (this.#unplaced || end === undefined || end.epoch !== this.#place?.epoch) return told();
      if (end.seq <= this.#place.seq || id?.endsWith(".end") !== true) told();
      this.#annals.ended(this.#place.epoch, this.#place.seq, status);
    } else if (event === "stream.drain") {
      this.#waiting = false;
    } else if (event !== "stream.error") {
      const next = place(id);
      if (this.#unplaced || next === undefined || this.#place === undefined) return told();
      if (next.epoch !== this.#place.epoch || next.seq !== this.#place.seq + 1) told();
      this.#place = next;
      this.#annals.seen(next.epoch, next.seq, data);
    }
  }
}

function place(id: string | undefined): Place | undefined {
  const match = /^([0-9a-z]{10})\.(\d+)(\.end)?$/.exec(id ?? "");
  return match === null ? undefined : { epoch: match[1] as string, seq: Number(match[2]) };
}
