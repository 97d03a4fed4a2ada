import type { BackoffOptions, PublicError } from "@holdfast/core";
import { type Timers, wallClock } from "../base/clock.ts";
import { validate, validateOneOf } from "../base/validate.ts";
import type { RequestSettings } from "../request/create-request.ts";
import type { RequestOptions } from "../request/request-options.ts";
import { exponentialBackoff } from "../retry/backoff.ts";
import type { Breaker } from "../retry/breaker.ts";
import { DEFAULT_POLICY, type Policy } from "../retry/loss.ts";
import type { RetrySettings } from "../retry/retry-planner.ts";
import type { StreamReset } from "../stream/control-event.ts";
import type { StreamSettings } from "../stream/stream-reader.ts";

/** The options that `connect` and `ResilientEventSource` share. */
export interface ResilienceOptions extends RequestOptions {
  /** The id of the last event that the application has already. */
  readonly lastEventId?: string;
  /** Closes the connection when it aborts. A pending or the next call of `next` rejects with its reason, as `fetch`. */
  readonly signal?: AbortSignal;
  /** What to do about each loss, where it differs from the table in the docs. */
  readonly policy?: Partial<Policy>;
  /** The delays after failures. @default { base: 1_000, cap: 30_000, factor: 2 } */
  readonly backoff?: BackoffOptions;
  /**
   * How long to go on without a healthy connection, in ms; `Infinity` for no limit. Time in which the machine sleeps or
   * is offline does not count.
   * @default 300_000
   */
  readonly giveUpAfter?: number;
  /** How long to wait for a response, in ms. @default 30_000 */
  readonly connectTimeout?: number;
  /**
   * How long the server may be silent, in ms.
   * @default three of the heartbeats that the server announces, else 45_000
   */
  readonly idleTimeout?: number;
  /** The longest line and the longest event, in characters. @default 4_194_304 */
  readonly maxEventSize?: number;
  /** Shared with other connections to the same server. */
  readonly breaker?: Breaker;
  /** Called when events are missing for good, before the next event is delivered. */
  readonly onReset?: (reset: StreamReset) => void;
  /** Called with an error that the server reports. The connection itself goes on. */
  readonly onServerError?: (error: PublicError) => void;
  /** Whether the client's timers keep a Node process alive. @default true */
  readonly keepAlive?: boolean;
  /** @default the runtime's clock */
  readonly clock?: Timers;
  /** Returns a number in [0, 1). @default Math.random */
  readonly random?: () => number;
}

/** The options with their defaults, and what the standard's policy changes in them. */
export type Settings = Omit<ResilienceOptions, "backoff" | "policy"> &
  RequestSettings &
  RetrySettings &
  StreamSettings;

/** @throws TypeError */
export function readOptions(options: ResilienceOptions): Settings {
  const {
    backoff,
    body,
    connectTimeout = 30_000,
    giveUpAfter = 300_000,
    idleTimeout,
    keepAlive = true,
    clock = wallClock(keepAlive),
    lastEventId = "",
    maxEventSize = 4_194_304,
    method = body === undefined ? "GET" : "POST",
    random = Math.random,
    resumeBy = "header",
  } = options;
  for (const [name, value] of Object.entries({ connectTimeout, giveUpAfter, idleTimeout, maxEventSize })) {
    validate(value === undefined || value > 0, name, "positive", value);
  }
  const policy = { ...DEFAULT_POLICY, ...options.policy };
  for (const [reason, action] of Object.entries(policy)) {
    if (typeof action !== "function") validateOneOf(reason, action, "retry|refresh|done|fatal");
  }
  validateOneOf("method", method, "GET|POST");
  validateOneOf("resumeBy", resumeBy, "header|query");
  return {
    ...options,
    connectTimeout,
    giveUpAfter,
    clock,
    lastEventId,
    maxEventSize,
    method,
    random,
    actionOn(loss) {
      const rule = policy[loss.reason] ?? "retry";
      return typeof rule === "function" ? rule(loss) : rule;
    },
    backoff: exponentialBackoff(backoff),
    resilient: true,
    isFinite: method === "POST" && !options.policy?.eof,
  };
}
