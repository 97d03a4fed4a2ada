import { createHash } from "node:crypto";
import type { AuditTotals, Finding } from "./finding.ts";
import { type Position, positionOf } from "./position.ts";

/** So many events are remembered, to recognise them when they arrive again. */
const MEMORY = 10_000;
/** So many numbers must follow each other, and so many for each hole, before a hole is a loss. */
const STEPS = 3;
const STEPS_PER_HOLE = 8;

export interface AuditOptions {
  /** The cursor of the first request; empty for none. */
  readonly cursor: string;
  /** Whether the numbers may have holes. */
  readonly allowHoles: boolean;
}

/** Checks the ids of a stream, through all its connections, for events that are lost, doubled or out of order. */
export class Audit {
  readonly #allowHoles: boolean;
  /** A digest of each event, by its id, oldest first. */
  readonly #known = new Map<string, string>();
  /** Numbers that were left out, and may still arrive. */
  readonly #missing = new Set<number>();
  /** The id of the last block that had one: the client's cursor. */
  #cursor: string;
  #first: string | undefined;
  /** The highest position of the series. */
  #newest: Position | undefined;
  #newestId: string;
  /** The lowest number that the client has: with a cursor it has everything before. */
  #start: number;
  #steps = 0;
  #isContiguous = false;
  #connections = 0;
  #isFirstOfConnection = false;
  #hasEvents: boolean;
  #totals = { lost: 0, doubled: 0, backwards: 0, reused: 0, restarts: 0, resets: 0, withoutId: 0, holes: 0 };

  constructor({ cursor, allowHoles }: AuditOptions) {
    this.#allowHoles = allowHoles;
    this.#cursor = cursor;
    this.#newest = positionOf(cursor);
    this.#newestId = cursor;
    this.#start = cursor === "" ? Infinity : -Infinity;
    this.#hasEvents = cursor !== "";
  }

  get totals(): AuditTotals {
    return { ...this.#totals };
  }

  get hasLosses(): boolean {
    const { lost, doubled, backwards, reused, restarts, resets } = this.#totals;
    return lost + doubled + backwards + reused + restarts + resets > 0;
  }

  /** A response has begun that was requested with this cursor. */
  open(cursor: string): void {
    this.#connections++;
    this.#isFirstOfConnection = true;
    if (cursor === this.#cursor) return;
    this.#cursor = cursor;
    if (!this.#known.has(cursor)) return;
    // The client asks again for events that it has not taken: they will be no doubles.
    const ids = [...this.#known.keys()];
    for (const id of ids.slice(ids.indexOf(cursor) + 1)) this.#known.delete(id);
    this.#setNewest(positionOf(cursor), cursor);
  }

  /**
   * A block has moved the client's cursor.
   *
   * @param isCovered whether the server says that there is no other event up to this position
   */
  moveCursor(id: string, isCovered: boolean): void {
    this.#cursor = id;
    const position = positionOf(id);
    if (isCovered && this.#isAhead(position)) this.#setNewest(position, id);
  }

  event(id: string | undefined, event: string, data: string): Finding[] {
    const findings: Finding[] = [];
    const isFirst = this.#isFirstOfConnection;
    this.#isFirstOfConnection = false;
    this.#hasEvents = true;
    // An empty id takes the cursor away (WHATWG HTML, 9.2.6).
    if (!id) {
      this.#totals.withoutId++;
      return findings;
    }
    if (isFirst && this.#isBeginning(id)) {
      this.#totals.restarts++;
      findings.push({ kind: "restart", cursor: this.#newestId });
    }
    const digest = createHash("sha1").update(`${event}\n${data}`).digest("base64");
    const earlier = this.#known.get(id);
    this.#remember(id, digest);
    this.#first ??= id;
    if (earlier === undefined) findings.push(...this.#place(id));
    else if (earlier === digest) findings.push(this.#double(id));
    else {
      this.#totals.reused++;
      findings.push({ kind: "reused", id });
    }
    return findings;
  }

  /** The server declares a loss. */
  reset(reason: string, lost: readonly [from: number, to: number] | null): Finding[] {
    // Who begins without a cursor has lost nothing.
    if (this.#hasEvents) {
      if (lost) this.#totals.lost += Math.max(lost[1] - lost[0] + 1, 0);
      else this.#totals.resets++;
    }
    if (lost) {
      if (this.#newest) this.#newest = { ...this.#newest, number: Math.max(this.#newest.number, lost[1]) };
    } else {
      this.#known.clear();
      this.#missing.clear();
      this.#first = undefined;
      this.#setNewest(undefined, "");
    }
    return [{ kind: "reset", reason, lost }];
  }

  /** The stream has ended, with this id. */
  end(id: string | undefined): Finding[] {
    const position = positionOf(id ?? "");
    if (!position?.isEnd || !this.#isAhead(position)) return [];
    const from = (this.#newest as Position).number + 1;
    return from < position.number ? this.#hole(from, position.number - 1) : [];
  }

  #isAhead(position: Position | undefined): position is Position {
    return position?.series === this.#newest?.series && (position?.number ?? 0) > (this.#newest?.number ?? 0);
  }

  /** Whether a connection that begins with this event has ignored the cursor. */
  #isBeginning(id: string): boolean {
    if (this.#first !== undefined)
      return this.#connections > 1 && id === this.#first && id !== this.#newestId;
    const position = positionOf(id);
    const isOld = position !== undefined && position.number <= (this.#newest?.number ?? -1);
    return isOld && position.series === this.#newest?.series;
  }

  /** Whether the client has an event with a number up to the newest, if none is missing. */
  #isHad(number: number): boolean {
    return this.#isContiguous ? number >= this.#start : this.#start === -Infinity;
  }

  /** Compares a new id with the newest one. */
  #place(id: string): Finding[] {
    const position = positionOf(id);
    const newest = this.#newest;
    if (position === undefined) {
      this.#newestId = id;
      return [];
    }
    if (newest?.series !== position.series) {
      this.#start = position.number;
      this.#setNewest(position, id);
      return [];
    }
    const { number } = position;
    if (number <= newest.number) {
      if (this.#missing.delete(number)) this.#totals.lost--;
      // It is remembered no longer, or the client had it from the beginning.
      else if (this.#isHad(number)) return [this.#double(id)];
      this.#totals.backwards++;
      return [{ kind: "backwards", id, after: this.#newestId }];
    }
    const from = newest.number + 1;
    this.#setNewest(position, id);
    if (number > from) return this.#hole(from, number - 1);
    this.#steps++;
    if (this.#steps >= STEPS && this.#steps >= STEPS_PER_HOLE * this.#totals.holes) this.#isContiguous = true;
    return [];
  }

  #hole(from: number, to: number): Finding[] {
    if (this.#allowHoles || !this.#isContiguous) {
      this.#totals.holes++;
      return [];
    }
    this.#totals.lost += to - from + 1;
    for (let number = from; number <= to && this.#missing.size < MEMORY; number++) this.#missing.add(number);
    return [{ kind: "gap", from, to }];
  }

  #double(id: string): Finding {
    this.#totals.doubled++;
    return { kind: "double", id };
  }

  #setNewest(position: Position | undefined, id: string): void {
    this.#newest = position;
    this.#newestId = id;
  }

  #remember(id: string, digest: string): void {
    this.#known.set(id, digest);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MEMORY && oldest !== undefined) this.#known.delete(oldest);
  }
}
