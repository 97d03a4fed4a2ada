import { check, checkCount, checkDelay, checkDuration, checkOneOf } from "../base/validate.ts";
import type { Clock } from "../base/clock.ts";
import { systemClock } from "../base/clock.ts";
import { createReport, type Observer } from "../protocol/observer.ts";
import type { Runtime } from "../protocol/runtime.ts";
import type { From } from "../protocol/cursor.ts";

/** How a client is served. Resolved call > ref > registry > default. */
export interface DeliveryOptions {
  /** A heartbeat goes out after so many ms without a write. @default 15_000 */
  readonly heartbeat?: number;
  /** A client that reads nothing for so many ms is destroyed. @default 90_000 */
  readonly idleTimeout?: number;
  /** A connection is drained after so many ms, +-10 %; the client comes back. @default 3_600_000 */
  readonly maxDuration?: number;
  /** How long a client is kept waiting for a stream that does not exist yet, in ms. @default 90_000 */
  readonly wait?: number;
  /** Where a client without a cursor begins. @default "start" */
  readonly from?: From;
  /**
   * Whether control events are dispatched. `false`, for consumers that ignore event names, leaves only their `id:`
   * and `retry:` lines. @default true
   */
  readonly control?: boolean;
  /**
   * What a client gets over a limit: `drain`, a 200 that asks it to come back (a native `EventSource` dies of any
   * other status), or `refuse`, a 503 with `Retry-After`. @default "drain"
   */
  readonly overload?: "drain" | "refuse";
}

/** The bounds of a log. */
export interface BufferOptions {
  /** Events held at most. @default 16_384 */
  readonly events?: number;
  /** Bytes held at most, overhead included. @default 1_048_576 */
  readonly bytes?: number;
}

/** Where time and chance come from, and who is told. */
export interface Surroundings {
  /** @default systemClock */
  readonly clock?: Clock;
  /** A number in [0, 1). @default Math.random */
  readonly random?: () => number;
  readonly observer?: Observer;
}

/** What bounds a stream and its life. */
export interface StreamOptions {
  readonly buffer?: BufferOptions;
  /** One event's bytes on the wire at most, and never over a quarter of the buffer. @default 262_144 */
  readonly maxEventBytes?: number;
  /** How long an ended stream stays for late clients, in ms. @default 60_000 */
  readonly linger?: number;
  /** A stream with no push and no reader for so many ms expires. @default 3_600_000 */
  readonly idle?: number;
}

export interface RegistryLimits {
  /** Bytes of all logs: ended streams go first, then `open` refuses. @default 268_435_456 */
  readonly bytes?: number;
  /** @default 10_000 */
  readonly maxConnections?: number;
  /** @default 10_000 */
  readonly maxStreams?: number;
  /** Clients that wait for a stream that does not exist yet. @default 1_000 */
  readonly maxWaiting?: number;
}

/** Everything about a registry but where its streams come from. */
export interface RegistrySettings extends DeliveryOptions, StreamOptions, RegistryLimits, Surroundings {}

/**
 * Options of one call. `buffer`, `maxEventBytes`, `clock`, `random` and `observer` are for bare sources; a stream
 * has its registry's.
 */
export interface ServeOptions
  extends DeliveryOptions, Surroundings, Pick<StreamOptions, "buffer" | "maxEventBytes"> {
  /**
   * Drains this connection when it aborts, for a logout or a token that expires. The client comes back, and it is for
   * the application to refuse it then. One signal may serve any number of connections, and keeps none that is over.
   */
  readonly signal?: AbortSignal;
}

type Resolved<Options> = { readonly [Name in keyof Options]-?: NonNullable<Options[Name]> };
export type ResolvedDelivery = Resolved<DeliveryOptions>;
export type ResolvedStream = Resolved<Omit<StreamOptions, "buffer">> & {
  readonly buffer: Resolved<BufferOptions>;
};
export type ResolvedLimits = Resolved<RegistryLimits>;

export const DELIVERY_DEFAULTS: ResolvedDelivery = {
  heartbeat: 15_000,
  idleTimeout: 90_000,
  maxDuration: 3_600_000,
  wait: 90_000,
  from: "start",
  control: true,
  overload: "drain",
};

export const STREAM_DEFAULTS: ResolvedStream = {
  buffer: { events: 16_384, bytes: 1_048_576 },
  maxEventBytes: 262_144,
  linger: 60_000,
  idle: 3_600_000,
};

const LIMIT_DEFAULTS: ResolvedLimits = {
  bytes: 268_435_456,
  maxConnections: 10_000,
  maxStreams: 10_000,
  maxWaiting: 1_000,
};

/** Checks delivery options and lays them over `base`. */
export function resolveDelivery(base: ResolvedDelivery, options?: DeliveryOptions): ResolvedDelivery {
  if (options === undefined) return base;
  const { heartbeat, idleTimeout, maxDuration, wait, from, control, overload } = {
    ...base,
    ...given(options),
  };
  checkDuration("heartbeat", heartbeat);
  checkDuration("idleTimeout", idleTimeout);
  checkDuration("maxDuration", maxDuration);
  checkDelay("wait", wait);
  checkOneOf("from", from, ["start", "now"]);
  check(typeof control === "boolean", "control", "a boolean", control);
  checkOneOf("overload", overload, ["drain", "refuse"]);
  return { heartbeat, idleTimeout, maxDuration, wait, from, control, overload };
}

/** Checks stream options and lays them over `base`. */
export function resolveStream(base: ResolvedStream, options: StreamOptions = {}): ResolvedStream {
  const { maxEventBytes, linger, idle } = { ...base, ...given(options) };
  const { events, bytes } = { ...base.buffer, ...given(options.buffer ?? {}) };
  checkCount("buffer.events", events);
  checkCount("buffer.bytes", bytes);
  checkCount("maxEventBytes", maxEventBytes);
  checkDelay("linger", linger);
  checkDuration("idle", idle);
  return { buffer: { events, bytes }, maxEventBytes, linger, idle };
}

export function resolveLimits(options: RegistryLimits): ResolvedLimits {
  const { bytes, maxConnections, maxStreams, maxWaiting } = { ...LIMIT_DEFAULTS, ...given(options) };
  checkCount("bytes", bytes);
  checkCount("maxConnections", maxConnections);
  checkCount("maxStreams", maxStreams);
  checkCount("maxWaiting", maxWaiting);
  return { bytes, maxConnections, maxStreams, maxWaiting };
}

export function resolveRuntime(options: Surroundings = {}): Runtime {
  const { clock = systemClock, random = Math.random, observer } = options;
  check(typeof clock.after === "function", "clock", "a Clock", clock);
  check(typeof random === "function", "random", "a function", random);
  return { clock, random, report: createReport(observer) };
}

/** Without the names whose value is `undefined`, which mean what leaving them out means. */
function given<Options extends object>(options: Options): Partial<NoUndefined<Options>> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<
    NoUndefined<Options>
  >;
}

type NoUndefined<Options> = { [Name in keyof Options]: Exclude<Options[Name], undefined> };
