import { checkOptions, type OptionNames } from "../base/check-options.ts";
import { check, checkCount, checkDelay, checkDuration, checkOneOf, invalidOption } from "../base/validate.ts";
import type { Clock } from "../base/clock.ts";
import { systemClock } from "../base/clock.ts";
import { checkObserver, createReport, type Observer } from "../protocol/observer.ts";
import type { Runtime } from "../protocol/runtime.ts";
import type { From } from "../protocol/cursor.ts";
import type { Control } from "../protocol/control-events.ts";
import type { Compression } from "./sink.ts";

/**
 * How clients are served; all times are in ms. An option of the call wins over one of the stream's reference, that over
 * one of the registry, and that over the default.
 */
export interface DeliveryOptions {
  /** A heartbeat is sent after this time without a write; `Infinity` for none. @default 15_000 */
  readonly heartbeat?: number;
  /**
   * A connection whose client takes nothing for this long is cut; `Infinity` for never. One that reads slowly is not cut, as
   * far as the runtime shows what it takes: the bytes that the kernel has taken on Node with HTTP/1.1, pieces of 64 KiB
   * elsewhere. @default 90_000
   */
  readonly idleTimeout?: number;
  /** A connection is drained after this time, +-10 %, and the client reconnects. @default 3_600_000 */
  readonly maxDuration?: number;
  /**
   * How long a client waits for a stream that does not exist, before it is drained, or is told that the stream which it
   * has read is gone. @default 90_000
   */
  readonly wait?: number;
  /**
   * Where a client without a cursor starts: at the oldest event in the buffer, or at the next one.
   * @default "start" in a stream, "now" in a channel
   */
  readonly from?: From;
  /**
   * Whether clients get control events (`stream.open` and so on). `false`, for consumers that ignore event names, sends
   * only their `id:` and `retry:` lines. A function returns what is dispatched instead of a control event, or `undefined`
   * for nothing: `[DONE]`, for instance, at the end of a stream.
   *
   * With `false` or a function, everything but a `done` stream is told by a response that is cut, so that a consumer never
   * takes an interruption for the end. @default true
   */
  readonly control?: Control;
  /**
   * Which events of a stream the client gets: those with these names (`message` for those without one), or those for which
   * a function returns `true`. The client's cursor moves over the others, by blocks with an `id:` alone: with each heartbeat,
   * before `stream.live` and the end, and after 256 events that are left out. A function that throws fails its client. Not for
   * bare sources. @default all
   */
  readonly filter?: Filter;
  /**
   * What a client gets when a limit is reached: with `drain` a 200 that asks it to reconnect later, because a native
   * `EventSource` gives up on any other status; with `refuse` a 503 with `Retry-After`. @default "drain"
   */
  readonly overload?: "drain" | "refuse";
  /**
   * How streams are compressed for clients that accept it: `gzip` of `@holdfast/gzip`. Not for `multiplex`. Leave it out for
   * streams that have both a secret and text of a stranger: the size of what is sent can leak the secret (BREACH).
   * @default false
   */
  readonly compression?: Compression | false;
}

/**
 * Which events a client gets. The function gets an event as it goes over the wire: `data` as text, and the id, which is empty for
 * most events of a running snapshot.
 */
export type Filter =
  | readonly string[]
  | ((event: { readonly event: string; readonly id: string; readonly data: string }) => boolean);

/** How much of a stream its buffer holds; when it is full, the oldest events are dropped. */
export interface BufferOptions {
  /** How many events at most. @default 65_536 */
  readonly events?: number;
  /** How many bytes at most, including 32 bytes of overhead for each event. @default 8_388_608 */
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
  /** How many events and bytes are held. @default { events: 65_536, bytes: 8_388_608 } */
  readonly buffer?: BufferOptions;
  /** The largest event on the wire, in bytes; never more than a quarter of `buffer.bytes`. @default 1_048_576 */
  readonly maxEventBytes?: number;
  /** How long an ended stream is kept for late clients. @default 60_000 */
  readonly linger?: number;
  /**
   * For how long a stream that has lost its producer waits for another one: 0 if its jobs are not run again. Until then
   * its readers stay, and `open` with `ifExists: "append"` goes on. @default 0
   */
  readonly retryWindow?: number;
  /** A stream without a push and without a reader for this long expires; `Infinity` for never. @default 3_600_000 */
  readonly idle?: number;
}

/** The limits of a registry: positive integers, or `Infinity`. */
export interface RegistryLimits {
  /**
   * The size of all buffers together, and of the snapshots that clients are still being sent, which get a quarter of it at
   * most. When it is reached, ended streams are dropped first, then the oldest events of the largest buffer.
   * @default 268_435_456
   */
  readonly bytes?: number;
  /**
   * Open connections; `subscribe` does not count, and of the requests that a client pipelines over one connection only the
   * one that is served. @default 10_000
   */
  readonly maxConnections?: number;
  /**
   * Open connections with the same `key`, such as those of one user. A client over this limit is answered as one over
   * `maxConnections`. @default Infinity
   */
  readonly maxConnectionsPerKey?: number;
  /** Streams and channels, ended ones that are still kept included. @default 100_000 */
  readonly maxStreams?: number;
  /** Connections that wait for a stream that does not exist yet. @default 1_000 */
  readonly maxWaiting?: number;
}

/** All options of a registry except those that say where its streams come from. */
export interface RegistrySettings extends DeliveryOptions, StreamOptions, RegistryLimits, Surroundings {}

type Resolved<Options> = { readonly [Name in keyof Options]-?: NonNullable<Options[Name]> };
export type ResolvedDelivery = Resolved<Omit<DeliveryOptions, "from" | "filter">> & {
  /** `undefined`: as the kind of the stream has it. */
  readonly from: From | undefined;
  readonly filter: Filter | undefined;
};
/** What of them a connection uses itself. */
export type ConnectionOptions = Pick<
  ResolvedDelivery,
  "heartbeat" | "idleTimeout" | "maxDuration" | "control" | "overload" | "compression"
>;
export type ResolvedStream = Resolved<Omit<StreamOptions, "buffer">> & {
  readonly buffer: Resolved<BufferOptions>;
};
export type ResolvedLimits = Resolved<RegistryLimits>;

export const DELIVERY_NAMES: OptionNames<DeliveryOptions> = {
  heartbeat: true,
  idleTimeout: true,
  maxDuration: true,
  wait: true,
  from: true,
  control: true,
  filter: true,
  overload: true,
  compression: true,
};
export const STREAM_NAMES: OptionNames<StreamOptions> = {
  buffer: true,
  maxEventBytes: true,
  linger: true,
  retryWindow: true,
  idle: true,
};
const BUFFER_NAMES: OptionNames<BufferOptions> = { events: true, bytes: true };
export const SURROUNDINGS_NAMES: OptionNames<Surroundings> = { clock: true, random: true, observer: true };
const LIMIT_NAMES: OptionNames<RegistryLimits> = {
  bytes: true,
  maxConnections: true,
  maxConnectionsPerKey: true,
  maxStreams: true,
  maxWaiting: true,
};

export const SETTINGS_NAMES: OptionNames<RegistrySettings> = {
  ...DELIVERY_NAMES,
  ...STREAM_NAMES,
  ...LIMIT_NAMES,
  ...SURROUNDINGS_NAMES,
};

export const DELIVERY_DEFAULTS: ResolvedDelivery = {
  heartbeat: 15_000,
  idleTimeout: 90_000,
  maxDuration: 3_600_000,
  wait: 90_000,
  from: undefined,
  control: true,
  filter: undefined,
  overload: "drain",
  compression: false,
};

export const STREAM_DEFAULTS: ResolvedStream = {
  buffer: { events: 65_536, bytes: 8_388_608 },
  maxEventBytes: 1_048_576,
  linger: 60_000,
  retryWindow: 0,
  idle: 3_600_000,
};

const LIMIT_DEFAULTS: ResolvedLimits = {
  bytes: 268_435_456,
  maxConnections: 10_000,
  maxConnectionsPerKey: Infinity,
  maxStreams: 100_000,
  maxWaiting: 1_000,
};

/** Checks delivery options, and completes them from `base`. */
export function resolveDelivery(base: ResolvedDelivery, options?: DeliveryOptions): ResolvedDelivery {
  if (options === undefined || !hasDelivery(options)) return base;
  const resolved = { ...base, ...defined(options) };
  const { heartbeat, idleTimeout, maxDuration, wait, from, control, filter, overload, compression } =
    resolved;
  checkDuration("heartbeat", heartbeat);
  checkDuration("idleTimeout", idleTimeout);
  checkDuration("maxDuration", maxDuration);
  checkDelay("wait", wait);
  if (from !== undefined) checkOneOf("from", from, ["start", "now"]);
  check(["boolean", "function"].includes(typeof control), "control", "a boolean or a function", control);
  const isFilter = typeof filter === "function" || isNames(filter);
  check(filter === undefined || isFilter, "filter", "a list of event names or a function", filter);
  checkOneOf("overload", overload, ["drain", "refuse"]);
  const isCompression = compression === false || typeof compression === "function";
  check(isCompression, "compression", "`gzip` of @holdfast/gzip, or false", compression);
  return { heartbeat, idleTimeout, maxDuration, wait, from, control, filter, overload, compression };
}

function isNames(filter: unknown): boolean {
  return Array.isArray(filter) && filter.every((name) => typeof name === "string");
}

/** Whether any of the options is a delivery option. Most calls have none, and share the options of their registry. */
function hasDelivery(options: DeliveryOptions): boolean {
  for (const name in options) if (name in DELIVERY_NAMES) return true;
  return false;
}

/** Checks stream options, and completes them from `base`. */
export function resolveStream(base: ResolvedStream, options: StreamOptions = {}): ResolvedStream {
  const { maxEventBytes, linger, retryWindow, idle } = { ...base, ...defined(options) };
  checkBuffer(options.buffer);
  const { events, bytes } = { ...base.buffer, ...defined(options.buffer ?? {}) };
  checkCount("buffer.events", events);
  checkCount("buffer.bytes", bytes);
  checkCount("maxEventBytes", maxEventBytes);
  checkDelay("linger", linger);
  checkDelay("retryWindow", retryWindow);
  checkDuration("idle", idle);
  return { buffer: { events, bytes }, maxEventBytes, linger, retryWindow, idle };
}

function checkBuffer(buffer: BufferOptions | number | undefined): void {
  if (typeof buffer === "number") {
    const name = buffer > 100_000 ? "bytes" : "events";
    throw invalidOption("buffer", `an object, such as \`{ ${name}: ${buffer} }\``, buffer);
  }
  checkOptions("buffer", buffer, BUFFER_NAMES);
}

export function resolveLimits(options: RegistryLimits): ResolvedLimits {
  const { bytes, maxConnections, maxConnectionsPerKey, maxStreams, maxWaiting } = {
    ...LIMIT_DEFAULTS,
    ...defined(options),
  };
  checkCount("bytes", bytes);
  checkCount("maxConnections", maxConnections);
  checkCount("maxConnectionsPerKey", maxConnectionsPerKey);
  checkCount("maxStreams", maxStreams);
  checkCount("maxWaiting", maxWaiting);
  return { bytes, maxConnections, maxConnectionsPerKey, maxStreams, maxWaiting };
}

export function resolveRuntime(options: Surroundings = {}): Runtime {
  const { clock = systemClock, random = Math.random, observer } = options;
  check(typeof (Object(clock) as Partial<Clock>).after === "function", "clock", "a Clock", clock);
  check(typeof random === "function", "random", "a function", random);
  if (observer !== undefined) checkObserver(observer);
  return { clock, random, report: createReport(observer) };
}

/** The options without those that are `undefined`, which mean the same as missing ones. */
function defined<Options extends object>(options: Options): Partial<NoUndefined<Options>> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<
    NoUndefined<Options>
  >;
}

type NoUndefined<Options> = { [Name in keyof Options]: Exclude<Options[Name], undefined> };
