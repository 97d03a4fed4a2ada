import type { Timers } from "../base/clock.ts";
import type { AttemptOutcome } from "./attempt.ts";
import type { Backoff } from "./backoff.ts";
import { ConnectionError, type FailureReason } from "./connection-error.ts";
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
  function charge(): void {
    const { navigator } = globalThis as { navigator?: { onLine?: boolean } };
    const now = clock.now();
    // Not less than 0: a wall clock may be set back.
    if (navigator?.onLine !== false) left -= Math.max(Math.min(now - phaseStart, phaseLength), 0);
    phaseStart = now;
  }

  function delayAfter(failures: number, requested: number | undefined): number {
    const wasShort = clock.now() - openedAt < SHORT;
    if (!wasShort) shortInARow = 0;
    // The connection made progress: that has reset the failures.
    else if (failures === 0) shortInARow = Math.min(shortInARow + 1, MAX_SHORT_IN_A_ROW);
    const count = requested === undefined ? failures + shortInARow : failures;
    return backoff(count, requested, random(), wasShort);
  }

  return {
    start() {
      charge();
      phaseLength = connectTimeout;
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
      charge();
      const { cause, message = "", reason, type } = outcome;
      const { retryAfter } = type ? {} : outcome;
      const action = type ?? actionOn(outcome);
      let delay = 0;
      if (action === "done") return undefined;
      if (action === "drain") {
        // A server that speaks our protocol says when to come back. One that does not is asked less and less often.
        delay = delayAfter(retry === undefined ? attempts : 0, retry);
      } else if (action === "retry") {
        // Not 0: of a difference of times, less than a clock can measure may be left, and would be left for ever.
        if (left < 1) throw new ConnectionError("gave-up", `Given up. ${message}`, { cause: outcome });
        // The last attempt comes early, but not before `Retry-After`.
        if (retryAfter !== undefined) delay = delayAfter(attempts, retryAfter);
        else if (!isWoken) delay = Math.min(delayAfter(attempts, retry), left);
      } else if (action === "refresh" && !hasRefreshed) hasRefreshed = true;
      // It was no failure.
      else if (action === "interrupt") attempts = Math.max(attempts - 1, 0);
      else throw new ConnectionError(reason as FailureReason, message, outcome);
      const isAsked = type === "drain" || retryAfter !== undefined;
      phaseLength = delay;
      return {
        attempt: attempts + 1,
        delay,
        isAsked,
        reason,
        message,
        cause,
        loss: type ? undefined : outcome,
      };
    },
  };
}
