import { ConnectionError, type FailureReason } from "./connection-error.ts";
import type { Settings } from "./options.ts";
import type { Action, Loss, Outcome } from "./outcome.ts";

/** Another attempt is made. */
export interface Again {
  /** Which it is since the last healthy connection, from 1. */
  readonly attempt: number;
  /** After so long, in ms. */
  readonly delay: number;
  /** Whether the server asked for this delay by more than its `retry:`: then only the user may shorten it. */
  readonly isAsked: boolean;
  /** Why: a loss, what the server said as it asked to come back, or `woken` or `reconnect`. */
  readonly reason: string;
  /** Why, in words; empty if nothing is wrong. */
  readonly message: string;
}

/** What became of the attempts since the last healthy connection, and so what to do next. */
export interface Recovery {
  /** An attempt begins; returns its number. */
  begin(): number;
  /** The connection is healthy, or is to be begun anew: nothing has failed. */
  forget(): void;
  /**
   * Whether to make another attempt. If not, the stream is over.
   *
   * @param retry the server's last `retry:`, in ms
   * @throws ConnectionError if it is over, and not well
   */
  decide(outcome: Outcome, retry: number | undefined): Again | undefined;
}

export function createRecovery(settings: Settings): Recovery {
  const { clock, connectTimeout, delay, giveUpAfter, policy, random } = settings;
  /** Since the last healthy connection; 0 while there is one, and when it is lost. */
  let attempts = 0;
  let hasRefreshed = false;
  /** How long there is hope, in ms. */
  let left = giveUpAfter;
  let began = clock.now();
  let planned = 0;

  /** What went on until now took what it was planned to, or less. Neither sleep nor time offline counts. */
  function turnTo(next: number, counts: boolean): void {
    const { navigator } = globalThis as { navigator?: { onLine?: boolean } };
    const now = clock.now();
    if (counts && navigator?.onLine !== false) left -= Math.min(Math.max(now - began, 0), planned);
    began = now;
    planned = next;
  }

  function actionOn(loss: Loss): Action {
    const action = policy[loss.reason];
    return typeof action === "function" ? action(loss) : action;
  }

  return {
    begin() {
      turnTo(connectTimeout, true);
      return ++attempts;
    },
    forget() {
      attempts = 0;
      left = giveUpAfter;
      hasRefreshed = false;
    },
    decide(outcome, retry) {
      turnTo(0, attempts > 0);
      const { reason, message } = outcome;
      const { retryAfter } = outcome as Loss;
      let isAsked = retryAfter !== undefined;
      const fail = (): never => {
        throw new ConnectionError(reason as FailureReason, message, outcome);
      };
      switch (outcome.action ?? actionOn(outcome)) {
        case "done":
          return undefined;
        case "retry":
          if (left <= 0) throw new ConnectionError("gave-up", `Given up. ${message}`, { cause: outcome });
          planned = Math.min(delay(attempts, retryAfter ?? retry, random()), left);
          break;
        case "drain":
          planned = delay(0, retry, random());
          isAsked = true;
          break;
        case "renew":
          break;
        case "refresh":
          if (hasRefreshed) fail();
          hasRefreshed = true;
          break;
        case "fatal":
        default:
          fail();
      }
      return { attempt: attempts + 1, delay: planned, isAsked, reason, message };
    },
  };
}
