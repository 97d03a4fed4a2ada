import type { BackoffOptions } from "@holdfast/core";
import { type Timers, wallClock } from "../base/clock.ts";
import { validate } from "../base/validate.ts";
import { type Backoff, exponentialBackoff } from "./backoff.ts";

/** Options of `createBreaker`. */
export interface BreakerOptions {
  /** The number of failures in a row, of all connections together, that opens the breaker. @default 5 */
  readonly failures?: number;
  /** The delays before the probes of an open breaker. @default { base: 1_000, cap: 30_000, factor: 2 } */
  readonly backoff?: BackoffOptions;
  /** @default the runtime's clock */
  readonly clock?: Timers;
  /** Returns a number in [0, 1). @default Math.random */
  readonly random?: () => number;
}

/**
 * The permission to make one attempt. Its holder MUST call it with the result: `true` if the server is well, `false` if
 * the attempt failed, nothing if the attempt says nothing about the server. Only the first call counts.
 */
export type Permit = (result?: boolean) => void;

/** A circuit breaker, which admits the attempts of all the connections that share it. */
export interface Breaker {
  /**
   * `closed`: every attempt is admitted. `open`: the server is down, and one probe at a time is admitted after a delay.
   */
  readonly state: "closed" | "open";
  /** Resolves with a permit when an attempt is admitted, or with `undefined` when `signal` aborts first. */
  enter(signal: AbortSignal): Promise<Permit | undefined>;
}

/**
 * Creates a circuit breaker for connections to the same server: while the server is down, it gets one request at a time
 * instead of one from each connection.
 *
 * @throws TypeError
 *
 * @example
 * const breaker = createBreaker();
 * const prices = connect("/prices", { breaker });
 * const orders = connect("/orders", { breaker });
 */
export function createBreaker(options: BreakerOptions = {}): Breaker {
  return new CircuitBreaker(options);
}

class CircuitBreaker implements Breaker {
  readonly #limit: number;
  readonly #backoff: Backoff;
  readonly #clock: Timers;
  readonly #random: () => number;
  /** Admits each waiting attempt, the longest waiting first. */
  readonly #waiting = new Set<() => void>();
  #failures = 0;
  #failedProbes = 0;
  #isProbing = false;
  #cancelTimer: (() => void) | undefined;

  constructor({ backoff, clock = wallClock(true), failures = 5, random = Math.random }: BreakerOptions) {
    validate(failures >= 1, "failures", "a number from 1 on", failures);
    this.#limit = failures;
    this.#backoff = exponentialBackoff(backoff);
    this.#clock = clock;
    this.#random = random;
  }

  get state(): "closed" | "open" {
    return this.#failures >= this.#limit ? "open" : "closed";
  }

  async enter(signal: AbortSignal): Promise<Permit | undefined> {
    if (signal.aborted) return undefined;
    if (this.state === "closed") return this.#createPermit();
    return new Promise((resolve) => {
      const settle = (permit: Permit | undefined): void => {
        this.#waiting.delete(admit);
        signal.removeEventListener("abort", leave);
        resolve(permit);
      };
      const admit = (): void => settle(this.#createPermit());
      const leave = (): void => {
        settle(undefined);
        if (this.#waiting.size === 0) this.#stopTimer();
      };
      this.#waiting.add(admit);
      signal.addEventListener("abort", leave);
      this.#scheduleProbe();
    });
  }

  /** An open breaker's permits are those of probes. */
  #createPermit(): Permit {
    const isProbe = this.state === "open";
    let isUsed = false;
    return (result) => {
      if (isUsed) return;
      isUsed = true;
      if (isProbe) this.#isProbing = false;
      if (result === true) this.#close();
      if (result === false) this.#failures++;
      if (result === false && isProbe) this.#failedProbes++;
      this.#scheduleProbe();
    };
  }

  /** Admits the longest waiting attempt after a delay. While no attempt waits, there is no timer. */
  #scheduleProbe(): void {
    const isIdle = this.state === "closed" || this.#waiting.size === 0;
    if (isIdle || this.#isProbing || this.#cancelTimer !== undefined) return;
    const delay = this.#backoff(this.#failedProbes + 1, undefined, this.#random());
    this.#cancelTimer = this.#clock.after(delay, () => {
      this.#cancelTimer = undefined;
      const [admit] = this.#waiting;
      this.#isProbing = admit !== undefined;
      admit?.();
    });
  }

  #close(): void {
    this.#failures = 0;
    this.#failedProbes = 0;
    this.#stopTimer();
    for (const admit of this.#waiting) admit();
  }

  #stopTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }
}
