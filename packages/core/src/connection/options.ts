import { check, checkCount, checkDelay, checkDuration, checkOneOf } from "../base/validate.ts";
import type { Clock } from "../base/clock.ts";
import { systemClock } from "../base/clock.ts";
import { createReport, type Observer } from "../protocol/observer.ts";
import type { Runtime } from "../protocol/runtime.ts";
import type { From } from "../protocol/cursor.ts";

/**
 * How clients are served; all times are in ms. An option of the call wins over one of the stream's reference, that over
 * one of the registry, and that over the default.
 */
export interface DeliveryOptions {
  /** A heartbeat is sent after this time without a write; `Infinity` for none. @default 15_000 */
  readonly heartbeat?: number;
  /** A connection whose client reads nothing for this long is cut; `Infinity` for never. @default 90_000 */
  readonly idleTimeout?: number;
  /** A connection is drained after this time, +-10 %, and the client reconnects. @default 3_600_000 */
  readonly maxDuration?: number;
  /** How long a client waits for a stream that does not exist yet before it is drained. @default 90_000 */
  readonly wait?: number;
  /** Where a client without a cursor starts: at the oldest event in the buffer, or at the next one. @default "start" */
  readonly from?: From;
  /**
   * Whether clients get control events (`stream.open` and so on). `false`, for consumers that ignore event names, sends
   * only their `id:` and `retry:` lines. @default true
   */
  readonly control?: boolean;
  /**
   * What a client gets when a limit is reached: with `drain` a 200 that asks it to reconnect later, because a native
   * `EventSource` gives up on any other status; with `refuse` a 503 with `Retry-After`. @default "drain"
   */
  readonly overload?: "drain" | "refuse";
}

/** How much of a stream its buffer holds; when it is full, the oldest events are dropped. */
export interface BufferOptions {
  /** How many events at most. @default 16_384 */
  readonly events?: number;
  /** How many bytes at most, including 32 bytes of overhead for each event. @default 1_048_576 */
  readonly bytes?: number;
}

/** The clock, the source of random numbers, and the observer. */
export interface Surroundings {
  /** @default systemClock */
  readonly clock?: Clock;
  /** Returns a number in [0, 1). @default Math.random */
  readonly random?: () => number;
  /** Gets what happens in the background. @default logs warnings and failures with `console.warn` */
  readonly observer?: Observer;
}

/** How much of a stream is held, and for how long; all times are in ms. */
export interface StreamOptions {
  readonly buffer?: BufferOptions;
  /** The largest event on the wire, in bytes; never more than a quarter of `buffer.bytes`. @default 262_144 */
  readonly maxEventBytes?: number;
  /** How long an ended stream is kept for late clients. @default 60_000 */
  readonly linger?: number;
  /** A stream without a push and without a reader for this long expires; `Infinity` for never. @default 3_600_000 */
  readonly idle?: number;
}

/** The limits of a registry: positive integers, or `Infinity`. */
export interface RegistryLimits {
  /**
   * The size of all buffers together. When it is reached, ended streams are dropped, and then `open` rejects with
   * `LIMIT_EXCEEDED`. @default 268_435_456
   */
  readonly bytes?: number;
  /** Open connections; `subscribe` does not count. @default 10_000 */
  readonly maxConnections?: number;
  /** Streams and channels, ended ones that are still kept included. @default 10_000 */
  readonly maxStreams?: number;
  /** Connections that wait for a stream that does not exist yet. @default 1_000 */
  readonly maxWaiting?: number;
}

/** All options of a registry except those that say where its streams come from. */
export interface RegistrySettings extends DeliveryOptions, StreamOptions, RegistryLimits, Surroundings {}

/**
 * Options of one call of an adapter, such as `sse(c, source, options)`. `buffer`, `maxEventBytes`, `clock`, `random`
 * and `observer` apply to bare sources; for streams those of the registry apply.
 */
export interface ServeOptions
  extends DeliveryOptions, Surroundings, Pick<StreamOptions, "buffer" | "maxEventBytes"> {
  /**
   * Drains this connection when it aborts, for a logout or an expired token. The client reconnects, and the application
   * must refuse it then. One signal may be used for any number of connections; those that are over are not retained.
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

/** Checks delivery options, and completes them from `base`. */
export function resolveDelivery(base: ResolvedDelivery, options?: DeliveryOptions): ResolvedDelivery {
  if (options === undefined) return base;
  const { heartbeat, idleTimeout, maxDuration, wait, from, control, overload } = {
    ...base,
    ...defined(options),
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

/** Checks stream options, and completes them from `base`. */
export function resolveStream(base: ResolvedStream, options: StreamOptions = {}): ResolvedStream {
  const { maxEventBytes, linger, idle } = { ...base, ...defined(options) };
  const { events, bytes } = { ...base.buffer, ...defined(options.buffer ?? {}) };
  checkCount("buffer.events", events);
  checkCount("buffer.bytes", bytes);
  checkCount("maxEventBytes", maxEventBytes);
  checkDelay("linger", linger);
  checkDuration("idle", idle);
  return { buffer: { events, bytes }, maxEventBytes, linger, idle };
}

export function resolveLimits(options: RegistryLimits): ResolvedLimits {
  const { bytes, maxConnections, maxStreams, maxWaiting } = { ...LIMIT_DEFAULTS, ...defined(options) };
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

/** The options without those that are `undefined`, which mean the same as missing ones. */
function defined<Options extends object>(options: Options): Partial<NoUndefined<Options>> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<
    NoUndefined<Options>
  >;
}

type NoUndefined<Options> = { [Name in keyof Options]: Exclude<Options[Name], undefined> };
