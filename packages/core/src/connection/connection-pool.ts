import type { Clock } from "../base/clock.ts";
import type { DrainReason, Report } from "../protocol/observer.ts";
import { Ticker } from "./scheduler.ts";

/** A connection as the crowd sees it. */
export interface Member {
  drain(reason: DrainReason, spread: number): void;
  destroy(reason: DrainReason): void;
}

export interface CrowdOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly report: Report;
  readonly heartbeat: number;
  readonly maxConnections: number;
}

/** The connections of a registry: one ticker for all, bounded in number, drained together. */
export class Crowd {
  readonly clock: Clock;
  readonly random: () => number;
  readonly report: Report;
  readonly ticker: Ticker;
  readonly #maxConnections: number;
  /** Each with whether it counts against the limit. */
  readonly #members = new Map<Member, boolean>();
  #size = 0;
  #draining = false;
  #spread = 0;
  #empty: (() => void) | undefined;

  constructor({ clock, random, report, heartbeat, maxConnections }: CrowdOptions) {
    this.clock = clock;
    this.random = random;
    this.report = report;
    this.ticker = new Ticker(clock, heartbeat);
    this.#maxConnections = maxConnections;
  }

  /** How many count against the limit. */
  get size(): number {
    return this.#size;
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** Over how many ms the return of those who are sent away is spread. */
  get spread(): number {
    return this.#spread;
  }

  /** Why one more cannot be taken in now. */
  refusal(counted: boolean): DrainReason | undefined {
    if (this.#draining) return "shutdown";
    return counted && this.#size >= this.#maxConnections ? "busy" : undefined;
  }

  enter(member: Member, counted: boolean): void {
    this.#members.set(member, counted);
    if (counted) this.#size++;
  }

  /** Idempotent, and nothing for one that never entered. */
  left(member: Member): void {
    const counted = this.#members.get(member);
    if (counted === undefined) return;
    this.#members.delete(member);
    if (counted) this.#size--;
    if (this.#members.size === 0) this.#empty?.();
  }

  /** Sends everyone away and lets nobody in; who is still there at the deadline is cut. */
  async drain(deadline: number, spread: number): Promise<void> {
    this.#draining = true;
    this.#spread = spread;
    for (const member of this.#members.keys()) member.drain("shutdown", spread);
    if (this.#members.size === 0) return;
    await new Promise<void>((resolve) => {
      const disarm = this.clock.after(deadline, resolve);
      this.#empty = () => {
        disarm();
        resolve();
      };
    });
    for (const member of this.#members.keys()) member.destroy("shutdown");
  }
}
