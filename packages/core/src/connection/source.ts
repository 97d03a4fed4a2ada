import type { HoldfastError } from "../base/errors.ts";
import type { SseEvent } from "../protocol/event.ts";
import type { Pullable } from "../base/pull.ts";
import type { Cleanup } from "../base/latch.ts";
import type { ServeOptions } from "./options.ts";
import type { ServeResult } from "../protocol/outcome.ts";
import type { OpenSink, SseRequest } from "./sink.ts";

/** How a source that belongs to a registry is recognised, across copies of this package. */
export const ACCEPT: unique symbol = Symbol.for("holdfast.attach") as never;

/** A source that belongs to a registry: a reference, a writer, a channel. */
export interface StreamSource {
  readonly id: string;
  /** @internal */
  readonly [ACCEPT]: Accept;
}

/** Serves a client; `counted` is whether it takes one of the registry's connections. */
export type Accept = (
  request: SseRequest,
  open: OpenSink,
  options: ServeOptions | undefined,
  counted: boolean,
) => Promise<ServeResult>;

/** What a bare source's function is given. */
export interface BareConnection {
  /** The client's last event id as it came, in whatever form this source gave it. */
  readonly lastEventId: string | undefined;
  /** Aborts when the connection or this source is over, for whatever reason. */
  readonly signal: AbortSignal;
  /**
   * Sends an event. While the client cannot take it, it is kept, up to `buffer.bytes`; over that the connection is
   * destroyed. After the end it does nothing.
   *
   * @throws `INVALID_EVENT`, `EVENT_TOO_LARGE`
   */
  readonly push: (event: SseEvent) => void;
  /** Ends the response, behind everything pushed, so that the client does not come back. */
  readonly close: () => void;
}

export type BareIterable = Pullable<SseEvent | HoldfastError>;

/** Feeds one connection by hand: returns what to pull, or how to stop pushing, or nothing. */
export type BareFunction = (
  connection: BareConnection,
) => BareIterable | Cleanup | void | PromiseLike<BareIterable | Cleanup | void>;

/** A source without a stream: it feeds this connection alone, and is let go with it. */
export type BareSource = BareIterable | BareFunction;

/** What a response can be made of. */
export type Source = StreamSource | BareSource;
