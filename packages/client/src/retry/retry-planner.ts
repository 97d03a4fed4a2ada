import type { Timers } from "../base/clock.ts";
import type { AttemptOutcome } from "./attempt.ts";
import type { Backoff } from "./backoff.ts";
import { ConnectionError } from "./connection-error.ts";
import type { Action, Loss } from "./loss.ts";

/** The next attempt, for which the client waits. */
export interface Again {
  /** Its number since the last healthy connection, from 1. */
  readonly attempt: number;
  /** How long the client waits for it, in ms. */
  readonly delay: number;
  /**
   * Whether the server asked for this delay with `Retry-After` or `stream.drain`. Then only `reconnect()` shortens it.
   */
  readonly isAsked: boolean;
  /** Why: the reason of a loss, the reason that the server gave for a drain, `woken` or `reconnect`. */
  readonly reason: string;
  /** A sentence for people about what went wrong; empty if nothing did. */
  readonly message: string;
  /** The error that was thrown, if the reason is a loss. */
  readonly cause?: unknown;
  /** The loss, with the HTTP `status` of a response that was refused. `undefined` if nothing was lost. */
  readonly loss?: Loss | undefined;
}

/** A connection that the server has ended within this time, in ms, was short. */
const SHORT = 1_000;
/**
 * If the server does not say when to come back, the delay grows with so many short connections, although they made
 * progress: to 2 to 4 s. An `EventSource` comes back after 3 s.
 */
const MAX_SHORT_IN_A_ROW = 3;

export interface RetrySettings {
  /** What to do about a loss. */
  readonly actionOn: (loss: Loss) => Action;
  readonly backoff: Backoff;
  readonly clock: Timers;
  readonly connectTimeout: number;
  readonly giveUpAfter: number;
  readonly random: () => number;
}

/** Decides what follows an attempt, from its outcome and from the failures since the last healthy connection. */
export interface RetryPlanner {
  /** Counts an attempt that starts now, and returns its number. */
  start(): number;
  /** The response has begun. */
  open(): void;
  /** Forgets the failures: the connection is healthy, or the application asked for a new one. */
  reset(): void;
  /**
   * Returns the next attempt, or `undefined` if the stream is done.
   *
   * @param retry the server's last `retry:`, in ms
   * @param isWoken whether the machine, the page or its network has just come back: a loss is retried at once then,
   * unless the server has asked for a delay with `Retry-After`
   * @throws ConnectionError if there is no next attempt, and the stream is not done
   */
  next(outcome: AttemptOutcome, retry: number | undefined, isWoken?: boolean): Again | undefined;
}

export function createRetryPlanner(settings: RetrySettings): RetryPlanner {
  const { actionOn, backoff, clock, connectTimeout, giveUpAfter, random } = settings;
  /** Attempts since the last healthy connection: 0 while the connection is healthy. */
  let attempts = 0;
  let hasRefreshed = false;
  /** The time that may still pass without a healthy connection, in ms. */
  let left = giveUpAfter;
  /** The attempt or delay that is under way. A length of 0 makes it free. */
  let phaseStart = 0;
  let phaseLength = 0;
  /** When the response of this attempt began. */
  let openedAt = -Infinity;
  /** How many connections since the last longer one were short, although they made progress. */
  let shortInARow = 0;

  /** Charges the last phase with the time that it took, but at most with its planned length: sleep costs nothing. */
  function startPhase(ms: number): void {
    const { navigator } = globalThis as { navigator?: { onLine?: boolean } };
    const now = clock.now();
    // Not less than 0: a wall clock may be set back.
    if (navigator?.onLine !== false) left -= Math.max(Math.min(now - phaseStart, phaseLength), 0);
    phaseStart = now;
    phaseLength = ms;
  }

  function again(reason: string, delay: number, isAsked: boolean, loss?: Loss): Again {
    phaseLength = delay;
    const { cause, message = "" }: Partial<Loss> = loss ?? {};
    return { attempt: attempts + 1, delay, isAsked, reason, message, cause, loss };
  }

  function delayAfter(failures: number, requested: number | undefined): number {
    const wasShort = clock.now() - openedAt < SHORT;
    if (!wasShort) shortInARow = 0;
    // The connection made progress: that has reset the failures.
    else if (failures === 0) shortInARow = Math.min(shortInARow + 1, MAX_SHORT_IN_A_ROW);
    const count = requested === undefined ? failures + shortInARow : failures;
    return backoff(count, requested, random(), wasShort);
  }

  function planAfter(loss: Loss, retry: number | undefined, isWoken: boolean): Again | undefined {
    const { message, reason, retryAfter } = loss;
    const isAsked = retryAfter !== undefined;
    const action = actionOn(loss);
    if (action === "done") return undefined;
    if (action === "retry") {
      if (left <= 0) throw new ConnectionError("gave-up", `Given up. ${message}`, { cause: loss });
      const delay = isWoken && !isAsked ? 0 : delayAfter(attempts, retryAfter ?? retry);
      // The last attempt comes early, but not before `Retry-After`.
      return again(reason, isAsked ? delay : Math.min(delay, left), isAsked, loss);
    }
    if (action !== "refresh" || hasRefreshed) throw new ConnectionError(reason, message, loss);
    hasRefreshed = true;
    return again(reason, 0, isAsked, loss);
  }

  return {
    start() {
      startPhase(connectTimeout);
      openedAt = -Infinity;
      return ++attempts;
    },
    open() {
      openedAt = clock.now();
    },
    reset() {
      attempts = 0;
      hasRefreshed = false;
      left = giveUpAfter;
      phaseLength = 0;
    },
    next(outcome, retry, isWoken = false) {
      startPhase(0);
      if (!outcome.type) return planAfter(outcome, retry, isWoken);
      const { reason, type } = outcome;
      // A server that speaks our protocol says when to come back. One that does not is asked less and less often.
      if (type === "drain") return again(reason, delayAfter(retry === undefined ? attempts : 0, retry), true);
      if (type === "interrupt") return again(reason, 0, false);
      if (outcome.reason === "done") return undefined;
      throw new ConnectionError(outcome.reason, outcome.message, outcome);
    },
  };
}
