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
}

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
  /** Forgets the failures: the connection is healthy, or the application asked for a new one. */
  reset(): void;
  /**
   * Returns the next attempt, or `undefined` if the stream is done.
   *
   * @param retry the server's last `retry:`, in ms
   * @throws ConnectionError if there is no next attempt, and the stream is not done
   */
  next(outcome: AttemptOutcome, retry: number | undefined): Again | undefined;
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

  /** Charges the last phase with the time that it took, but at most with its planned length: sleep costs nothing. */
  function startPhase(ms: number): void {
    const { navigator } = globalThis as { navigator?: { onLine?: boolean } };
    const now = clock.now();
    // Not less than 0: a wall clock may be set back.
    if (navigator?.onLine !== false) left -= Math.max(Math.min(now - phaseStart, phaseLength), 0);
    phaseStart = now;
    phaseLength = ms;
  }

  function again({ message = "", reason }: AttemptOutcome, delay: number, isAsked: boolean): Again {
    phaseLength = delay;
    return { attempt: attempts + 1, delay, isAsked, reason, message };
  }

  function planAfter(loss: Loss, retry: number | undefined): Again | undefined {
    const { message, reason, retryAfter } = loss;
    const isAsked = retryAfter !== undefined;
    const action = actionOn(loss);
    if (action === "done") return undefined;
    if (action === "retry") {
      if (left <= 0) throw new ConnectionError("gave-up", `Given up. ${message}`, { cause: loss });
      return again(loss, Math.min(backoff(attempts, retryAfter ?? retry, random()), left), isAsked);
    }
    if (action !== "refresh" || hasRefreshed) throw new ConnectionError(reason, message, loss);
    hasRefreshed = true;
    return again(loss, 0, isAsked);
  }

  return {
    start() {
      startPhase(connectTimeout);
      return ++attempts;
    },
    reset() {
      attempts = 0;
      hasRefreshed = false;
      left = giveUpAfter;
      phaseLength = 0;
    },
    next(outcome, retry) {
      startPhase(0);
      if (!outcome.type) return planAfter(outcome, retry);
      if (outcome.type === "drain") return again(outcome, backoff(0, retry, random()), true);
      if (outcome.type === "interrupt") return again(outcome, 0, false);
      if (outcome.reason === "done") return undefined;
      throw new ConnectionError(outcome.reason, outcome.message, outcome);
    },
  };
}
