import type { BackoffOptions, PublicError } from "@holdfast/core";
import type { Breaker } from "./breaker.ts";
import { check, checkOneOf } from "./check.ts";
import { type Timers, wallClock } from "./clock.ts";
import type { StreamReset } from "./control.ts";
import { type Delay, resilientDelay } from "./delay.ts";
import { type Policy, POLICY } from "./outcome.ts";

/** A value, or who is asked for it before each attempt. */
export type Asked<T> = T | (() => T | PromiseLike<T>);

/** What a request is made of. */
export interface RequestOptions {
  /** Asked before each attempt if it is a function, so that no token gets stale. */
  readonly headers?: Asked<RequestInit["headers"]>;
  /** @default "POST" with a body, else "GET" */
  readonly method?: "GET" | "POST";
  /** A stream can be sent once: give a function. */
  readonly body?: Asked<RequestInit["body"]>;
  /**
   * Whether a POST may be repeated. If not, its stream is resumed by GET.
   * @default false
   */
  readonly idempotent?: boolean;
  /** Where a POST that may not be repeated is resumed. @default its own URL */
  readonly resumeUrl?: Asked<string | URL>;
  /** As for `fetch`. */
  readonly credentials?: NonNullable<RequestInit["credentials"]>;
  /** @default globalThis.fetch */
  readonly fetch?: typeof globalThis.fetch;
  /**
   * How the cursor is sent: as the header `Last-Event-ID`, or as the query parameter `lastEventId`, which needs no CORS
   * preflight.
   * @default "header"
   */
  readonly resumeBy?: "header" | "query";
}

/** Options of both faces of the client. */
export interface ResilienceOptions extends RequestOptions {
  /** The id of the last event that is already known. */
  readonly lastEventId?: string;
  /** Ends the connection, for good. */
  readonly signal?: AbortSignal;
  /** What to do about each loss, where it differs from the table in the docs. */
  readonly policy?: Partial<Policy>;
  /** The delays after failures. @default { base: 1_000, cap: 30_000, factor: 2 } */
  readonly backoff?: BackoffOptions;
  /**
   * How long to go on without a healthy connection, in ms; `Infinity` for ever. Sleep, and time without a network, does
   * not count.
   * @default 300_000
   */
  readonly giveUpAfter?: number;
  /** How long an answer may take, in ms. @default 30_000 */
  readonly connectTimeout?: number;
  /**
   * How long a connection may be silent, in ms.
   * @default three of the heartbeats that the server announces, else 45_000
   */
  readonly idleTimeout?: number;
  /** The longest line and the longest event, in characters. @default 1_048_576 */
  readonly maxEventSize?: number;
  /** Shared with other connections to the same server. */
  readonly breaker?: Breaker;
  /** Told of events that are missing for good, before the next one comes. */
  readonly onReset?: (reset: StreamReset) => void;
  /** Told what the server says has failed. It is no error of the connection, which goes on. */
  readonly onServerError?: (error: PublicError) => void;
  /** Whether timers keep a Node process alive. @default true */
  readonly keepAlive?: boolean;
  /** @default the runtime's clock */
  readonly clock?: Timers;
  /** A number in [0, 1). @default Math.random */
  readonly random?: () => number;
}

/** The options with their defaults, and what the two policies differ in. */
export interface Settings extends Omit<ResilienceOptions, "policy"> {
  readonly policy: Policy;
  readonly delay: Delay;
  readonly giveUpAfter: number;
  readonly connectTimeout: number;
  readonly maxEventSize: number;
  readonly method: "GET" | "POST";
  readonly lastEventId: string;
  readonly clock: Timers;
  readonly random: () => number;
  /** Whether control events are understood, ids compared, and the page watched: the standard knows of none of it. */
  readonly resilient: boolean;
}

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
    maxEventSize = 1_048_576,
    method = body === undefined ? "GET" : "POST",
    random = Math.random,
    resumeBy = "header",
  } = options;
  for (const [name, value] of Object.entries({ connectTimeout, giveUpAfter, idleTimeout, maxEventSize })) {
    check(value === undefined || value > 0, name, "positive", value);
  }
  const policy = { ...POLICY, ...options.policy };
  for (const [reason, action] of Object.entries(policy)) {
    if (typeof action !== "function") checkOneOf(reason, action, "retry|refresh|done|fatal");
  }
  checkOneOf("method", method, "GET|POST");
  checkOneOf("resumeBy", resumeBy, "header|query");
  return {
    ...options,
    connectTimeout,
    giveUpAfter,
    clock,
    lastEventId,
    maxEventSize,
    method,
    random,
    policy,
    delay: resilientDelay(backoff),
    resilient: true,
  };
}
