import { createParser, type EventSourceMessage } from "eventsource-parser";
import type { MemoryClient } from "../../src/testing/index.ts";
import type { Truth } from "./truth.ts";

interface Place {
  readonly epoch: string;
  readonly seq: number;
}

export interface Rules {
  /** How many events a log holds exactly, once it has had as many. */
  readonly held: number;
  /** Whether a fresh client is promised the beginning. */
  readonly wholeFromStart: boolean;
}

/**
 * A client as the standard has it, which keeps its last event id over all its connections, and believes nothing:
 * every event that it is given must be the very next one, or be announced by a reset with the exact range.
 */
export class Browser {
  /** What it sends as `Last-Event-ID`: committed at each blank line. */
  cursor: string | undefined;
  client: MemoryClient | undefined;
  /** Where it stands; `undefined` before it was told. */
  #place: Place | undefined;
  /** Over how many characters of its present connection it has read. */
  #read = 0;
  #lives = 0;
  #opened = 0;
  #waiting = false;
  /** What closed the present connection. */
  #last: "none" | "end" | "drain" = "none";
  /** Opened without a place: a reset or a running snapshot follows, which says where it is. */
  #unplaced: { readonly reset: string | undefined } | undefined;
  /** How often it was told of an outage over its present connection, and whether that it is all gone. */
  outages = 0;
  gone = false;
  #held = { writes: 0, since: 0 };
  readonly #truth: Truth;
  readonly #rules: Rules;

  constructor(truth: Truth, rules: Rules) {
    this.#truth = truth;
    this.#rules = rules;
  }

  connect(client: MemoryClient): void {
    this.client = client;
    this.#read = this.#lives = this.#opened = this.outages = 0;
    this.#waiting = this.gone = false;
    this.#unplaced = undefined;
    this.#last = "none";
    this.#held = { writes: 0, since: 0 };
    this.#place = place(this.cursor);
  }

  /** Reads what has come, up to `most` characters of it, as if the network had carried no more. */
  read(most = Infinity): void {
    if (this.client === undefined) return;
    const text = this.client.text.slice(0, Math.max(most, this.#read));
    // Only whole blocks count (9.2.6): what a cut left of the last one is dropped.
    const end = text.lastIndexOf("\n\n") + 2;
    if (end <= Math.max(1, this.#read)) return;
    const blocks = text.slice(this.#read, end);
    this.#read = end;
    for (const block of blocks.split(/(?<=\n\n)/)) this.#block(block);
  }

  /** Whether it was told to wait, and nothing since. */
  get waits(): boolean {
    return this.#waiting && this.client?.state === "open";
  }

  /** For how long its present connection has held, as far as it was looked at. */
  heldFor(now: number): number {
    const { client } = this;
    if (client?.held !== true || !["open", "closing"].includes(client.state)) return 0;
    if (client.writes !== this.#held.writes) this.#held = { writes: client.writes, since: now };
    return now - this.#held.since;
  }

  /** Checks that a connection that is over told why, and that one that is not has got everything. */
  settle(): void {
    this.read();
    const { client } = this;
    if (client === undefined || client.status !== 200) return;
    if (client.state === "flushed" && this.#last === "none")
      throw new Error("Closed in order without a reason");
    if (client.state !== "open" || this.#waiting || this.#place === undefined) return;
    if (this.#lives === 0) throw new Error("Never live");
    const life = this.#truth.life(this.#place.epoch);
    if (this.#place.seq !== life.events.length) {
      throw new Error(`Idle at ${this.#place.seq} of ${life.events.length}`);
    }
    if (life.status !== undefined) throw new Error("Idle on a stream that has ended");
  }

  #block(text: string): void {
    if (this.#last !== "none") throw new Error(`Something after the ${this.#last}: ${text}`);
    const id = /^id: (.*)$/m.exec(text)?.[1];
    const parser = createParser({ onEvent: (event) => this.#event(event) });
    parser.feed(text);
    if (id !== undefined) this.cursor = id;
  }

  #event({ event, id, data }: EventSourceMessage): void {
    if (event === "stream.open") this.#open(id, data);
    else if (event === "stream.reset") this.#reset(id, data);
    else if (event === "stream.live") this.#live();
    else if (event === "stream.end") this.#end(id, data);
    else if (event === "stream.drain") this.#last = "drain";
    else if (event === "stream.error") this.#error(data);
    else if (event === "part") this.#part(id);
    else if (event === "state") this.#state(id, data);
    else this.#next(id, data);
  }

  #open(id: string | undefined, data: string): void {
    const { state, first, last } = JSON.parse(data) as { state: string; first: number; last: number };
    this.#opened++;
    this.#waiting = state === "waiting";
    if (this.#opened > 2 || (this.#opened === 2 && state === "waiting")) throw new Error("Opened too often");
    if (id === undefined) {
      if (!this.#waiting) this.#unplaced = { reset: undefined };
      return;
    }
    const start = place(id);
    if (start === undefined) throw new Error(`Opened at ${id}`);
    if (this.cursor !== undefined && this.cursor !== id)
      throw new Error(`At ${this.cursor}, opened at ${id}`);
    const fair = [this.#rules.wholeFromStart ? 0 : first - 1, last];
    if (this.cursor === undefined && !fair.includes(start.seq)) throw new Error(`Fresh, opened at ${id}`);
    this.#place = start;
  }

  #reset(id: string | undefined, data: string): void {
    const { reason, lost } = JSON.parse(data) as { reason: string; lost: [number, number] | null };
    if (id === undefined) {
      if (this.#unplaced === undefined || lost !== null)
        throw new Error(`At ${this.cursor}, reset to nowhere`);
      this.#unplaced = { reset: reason };
      // It has nothing any more: who is cut before the next id must not come back as if it had.
      this.cursor = undefined;
      return;
    }
    const to = place(id);
    if (to === undefined) throw new Error(`Reset to ${id}`);
    const { events } = this.#truth.life(to.epoch);
    if (to.seq !== 0 && to.seq > events.length - this.#rules.held)
      throw new Error(`Reset to ${id}, over held events`);
    const at = this.#place;
    if (lost === null) {
      this.#checkReason(reason, to);
    } else {
      const from = at?.epoch === to.epoch ? at.seq : 0;
      if (lost[0] !== from + 1 || lost[1] !== to.seq || lost[0] > lost[1])
        throw new Error(`At ${this.cursor}, moved to ${id}, told that ${lost.join("-")} is lost`);
    }
    this.#place = to;
    this.#unplaced = undefined;
  }

  #checkReason(reason: string, to: Place): void {
    const at = this.#place;
    const fair =
      reason === "invalid"
        ? at === undefined
        : reason === "epoch"
          ? at?.epoch !== to.epoch
          : reason === "trimmed"
            ? at?.epoch === to.epoch
            : (at?.seq ?? 0) > this.#truth.life(to.epoch).events.length;
    if (!fair) throw new Error(`At ${this.cursor}, told that it is ${reason}`);
  }

  /** The first of a running snapshot, which is not all of it. */
  #part(id: string | undefined): void {
    if (id !== undefined) throw new Error(`An id before the end of a snapshot: ${id}`);
    if (this.#unplaced === undefined) throw new Error("A snapshot out of nowhere");
  }

  /** The last of a running snapshot, which says where it stands. */
  #state(id: string | undefined, data: string): void {
    const to = place(data);
    if (id !== data || to === undefined) throw new Error(`A snapshot at ${data}, told as ${id}`);
    if (this.#unplaced === undefined) throw new Error("A snapshot out of nowhere");
    if (to.seq > this.#truth.life(to.epoch).events.length)
      throw new Error(`A snapshot of the future: ${data}`);
    if (this.#unplaced.reset !== undefined) this.#checkReason(this.#unplaced.reset, to);
    else if (this.cursor !== undefined) throw new Error(`At ${this.cursor}, started over without a word`);
    this.#place = to;
    this.#unplaced = undefined;
  }

  #error(data: string): void {
    const { code } = JSON.parse(data) as { code: string };
    if (code === "SNAPSHOT_FAILED") this.outages++;
    if (code === "GONE") this.gone = true;
  }

  #live(): void {
    this.#lives++;
    if (this.#lives > 1) throw new Error("Live twice");
  }

  #next(id: string | undefined, data: string): void {
    const next = place(id);
    const at = this.#place;
    if (next === undefined || at === undefined || this.#unplaced !== undefined)
      throw new Error(`An event ${id} out of nowhere`);
    if (next.epoch !== at.epoch || next.seq !== at.seq + 1)
      throw new Error(`At ${at.epoch}.${at.seq}, got ${id}`);
    const pushed = this.#truth.life(next.epoch).events[next.seq - 1];
    if (data !== pushed) throw new Error(`${id} is ${JSON.stringify(pushed)}, got ${JSON.stringify(data)}`);
    this.#place = next;
  }

  #end(id: string | undefined, data: string): void {
    this.#last = "end";
    const end = place(id);
    const { status } = JSON.parse(data) as { status: string };
    if (this.gone) {
      if (
        !this.#waiting ||
        status !== "failed" ||
        end?.seq !== 0 ||
        this.#truth.find(end.epoch) !== undefined
      )
        throw new Error(`Gone, ended as ${status} by ${id}`);
      return;
    }
    if (end === undefined || end.epoch !== this.#place?.epoch) throw new Error(`Ended by ${id}`);
    const life = this.#truth.life(end.epoch);
    if (id?.endsWith(".end") !== true) throw new Error(`Ended without the terminal id: ${id}`);
    if (life.status !== status) throw new Error(`Told ${status}, ended ${life.status}`);
    if (end.seq !== life.events.length + 1 || this.#place.seq !== life.events.length) {
      throw new Error(`Ended by ${id} at ${this.#place.seq} of ${life.events.length}`);
    }
  }
}

function place(id: string | undefined): Place | undefined {
  const match = /^([0-9a-z]{10})\.(\d+)(\.end)?$/.exec(id ?? "");
  return match === null ? undefined : { epoch: match[1] as string, seq: Number(match[2]) };
}
