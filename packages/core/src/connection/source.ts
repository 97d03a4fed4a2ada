// Tested by test/connection/serve.test.ts and test/connection/bare-source.test.ts.

import type { HoldfastError } from "../base/errors.ts";
import type { SseEvent } from "../protocol/event.ts";
import type { Pullable } from "../base/pull.ts";
import type { Cleanup } from "../base/latch.ts";
import type { ConnectMember } from "./client-connection.ts";
import type { ServeOptions } from "./serve-options.ts";
import type { ServeResult } from "../protocol/outcome.ts";
import type { OpenSink, SseRequest } from "./sink.ts";

/** The key of the method by which a registry's sources are recognised, also across copies of this package. */
export const ACCEPT: unique symbol = Symbol.for("holdfast.accept") as never;

/** A source that belongs to a registry: a reference from `registry.stream`, a writer, or a channel. */
export interface StreamSource {
  /** The id of the stream. */
  readonly id: string;
  /** @internal */
  readonly [ACCEPT]: Accept;
}

/** Several streams and channels on one connection, from `multiplex`. */
export interface MultiplexSource {
  /** @internal */
  readonly [ACCEPT]: Accept;
}

/**
 * Serves a client. `counted`: whether it counts towards the limits of the registry. `connect`: for a member of a multiplexed
 * response, which is served there; then the promise resolves at once.
 */
export type Accept = (
  request: SseRequest,
  open: OpenSink,
  options: ServeOptions | undefined,
  counted: boolean,
  connect?: ConnectMember,
) => Promise<ServeResult>;

/** The connection that a {@link BareFunction} serves. */
export interface BareConnection {
  /** The client's cursor: the `id` of the last event that it got from this source; `undefined` for a new client. */
  readonly lastEventId: string | undefined;
  /** Aborts when the connection is over or this source has ended, for whatever reason. */
  readonly signal: AbortSignal;
  /**
   * Sends an event. Events that the client does not read yet are buffered; with more than `buffer.bytes` of them the
   * connection is cut. Without effect after the end. Never throws: an event that cannot be sent fails the source, as an
   * error that it throws does.
   */
  readonly push: (event: SseEvent) => void;
  /** Ends the response after everything that was pushed. The client does not reconnect. */
  readonly close: () => void;
  /**
   * Ends the response as if the source had thrown `error`. A client that reads with GET reconnects with its cursor, unless
   * the error is a {@link HoldfastError} that is not retryable.
   */
  readonly fail: (error: unknown) => void;
}

/**
 * A bare source to read from, an async iterable or a web stream. It is read as fast as the client reads. A
 * {@link HoldfastError} among the events goes out as `stream.error`, and the source goes on.
 */
export type BareIterable = Pullable<SseEvent | HoldfastError>;

/**
 * A bare source as a function, called once for each connection. It returns something to read from, or pushes events and
 * returns a clean-up or nothing. If it throws, the client is told and reconnects with its cursor, after the error's
 * `retryAfter` or 5 to 30 s; a {@link HoldfastError} that is not retryable ends it for good.
 *
 * @example
 * sse(c, ({ push, lastEventId }) => {
 *   const listener = (price: number) => push({ event: "price", data: price });
 *   prices.on("change", listener);
 *   return () => prices.off("change", listener);
 * });
 */
export type BareFunction = (
  connection: BareConnection,
) => BareIterable | Cleanup | void | PromiseLike<BareIterable | Cleanup | void>;

/** A source without a stream: it serves one connection, and is released with it. Its events are not stored. */
export type BareSource = BareIterable | BareFunction;

/** What a client can be served from. */
export type Source = StreamSource | MultiplexSource | BareSource;
