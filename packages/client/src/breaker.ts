import type { BackoffOptions } from "@holdfast/core";
import { check } from "./check.ts";
import { type Timers, wallClock } from "./clock.ts";
import { resilientDelay } from "./delay.ts";

export interface BreakerOptions {
  /** After how many failures in a row, of all connections together, only probes are let through. @default 5 */
  readonly failures?: number;
  /** How long to wait before each probe. @default { base: 1_000, cap: 30_000, factor: 2 } */
  readonly backoff?: BackoffOptions;
  /** @default the runtime's clock */
  readonly clock?: Timers;
  /** A number in [0, 1). @default Math.random */
  readonly random?: () => number;
}

/**
 * The leave to make an attempt, to be told how that went: `true` for well, `false` for badly, nothing if it says nothing
 * of the server. Only the first call counts, and its holder MUST make it.
 */
export type Permit = (result?: boolean) => void;

/** A circuit breaker: what knocks at a server's door on behalf of all the connections that are given it. */
export interface Breaker {
  /** `closed`: all may try. `open`: the server is down; one at a time may try, now and then. */
  readonly state: "closed" | "open";
  /** Waits for the leave to make an attempt; `undefined` if `signal` aborts before. */
  enter(signal: AbortSignal): Promise<Permit | undefined>;
}

/**
 * Shared by connections to the same server, so that a server that is down sees one request at a time instead of
 * one from each.
 *
 * @throws TypeError
 *
 * @example
 * const breaker = createBreaker();
 * const prices = connect("/prices", { breaker });
 * const orders = connect("/orders", { breaker });
 */
export function createBreaker(options: BreakerOptions = {}): Breaker {
  const { failures: limit = 5, clock = wallClock(true), random = Math.random } = options;
  const delay = resilientDelay(options.backoff);
  check(limit >= 1, "failures", "a number from 1 on", limit);

  const waiting = new Set<() => void>();
  let failures = 0;
  let probes = 0;
  let probing = false;
  let cancelTimer: (() => void) | undefined;

  const isOpen = (): boolean => failures >= limit;

  /** Lets the longest waiting one try, after a while. Nobody waits: then there is no timer either. */
  function schedule(): void {
    if (!isOpen() || probing || cancelTimer !== undefined || waiting.size === 0) return;
    cancelTimer = clock.after(delay(probes + 1, undefined, random()), () => {
      cancelTimer = undefined;
      const [first] = waiting;
      probing = first !== undefined;
      first?.();
    });
  }

  function close(): void {
    failures = 0;
    probes = 0;
    cancelTimer?.();
    cancelTimer = undefined;
    for (const enter of waiting) enter();
  }

  function createPermit(isProbe: boolean): Permit {
    let isUsed = false;
    return (result) => {
      if (isUsed) return;
      isUsed = true;
      if (isProbe) probing = false;
      if (result === true) close();
      if (result === false) failures++;
      if (result === false && isProbe) probes++;
      schedule();
    };
  }

  return {
    get state() {
      return isOpen() ? "open" : "closed";
    },
    async enter(signal) {
      if (signal.aborted) return undefined;
      if (!isOpen()) return createPermit(false);
      return new Promise((resolve) => {
        const settle = (permit: Permit | undefined): void => {
          waiting.delete(enter);
          signal.removeEventListener("abort", leave);
          resolve(permit);
        };
        const enter = (): void => settle(createPermit(isOpen()));
        const leave = (): void => {
          settle(undefined);
          if (waiting.size > 0) return;
          cancelTimer?.();
          cancelTimer = undefined;
        };
        waiting.add(enter);
        signal.addEventListener("abort", leave);
        schedule();
      });
    },
  };
}
