import type { HoldfastError } from "../base/errors.ts";
import type { ResolvedStream } from "../connection/options.ts";
import type { SseEvent } from "../protocol/event.ts";
import type { Stream, StreamKind } from "./stream.ts";
import type { ProducerSession } from "./producer-session.ts";
import type { StreamInfo } from "./stream-info.ts";
import type { Backlog } from "./writer.ts";

/** What `open` does if the stream exists already and has not ended. */
export type IfExists = "throw" | "replace" | "append";

/** Options of `registry.cancel`. */
export interface CancelOptions {
  /**
   * How long the producer may still push after its signal has aborted, in ms. The stream is `cancelled` all the same, also
   * if another producer continues it meanwhile: its signal aborts, too.
   * @default 0
   */
  readonly grace?: number;
}

/** A stream whose producer is in this process. */
export interface OpenedStream {
  readonly stream: Stream;
  readonly session: ProducerSession;
  /** What of it is still on its way to a store; `undefined` without a store. */
  readonly backlog?: Backlog;
}

/** The side of a channel that an application uses. */
export interface HostedChannel {
  /** The channel's stream in this process. */
  find(): Stream | undefined;
  /** @throws `INVALID_EVENT`, `EVENT_TOO_LARGE`, `STREAM_EXISTS` */
  push(event: SseEvent): void;
  /**
   * Deletes a key of a channel of latest values.
   *
   * @throws `INVALID_EVENT`, `EVENT_TOO_LARGE`
   */
  delete?(key: string, event?: SseEvent): void;
}

/** The result of looking a stream up in the store. */
export type LookupResult =
  | { readonly state: "here"; readonly stream: Stream }
  | { readonly state: "missing" }
  /** The store is away, or this process has no room for the stream. */
  | { readonly state: "unknown" | "full"; readonly error: HoldfastError };

/** Where streams live: in this process only, or in a store that several processes share. */
export interface StreamHost {
  /**
   * Opens a stream for a producer in this process. In memory it is registered when the call returns.
   *
   * @param sourced whether it runs only while it has readers
   * @throws `STREAM_EXISTS`, `STREAM_ENDED`, `LIMIT_EXCEEDED`; a rejection with a store: then also `STORE_UNAVAILABLE`,
   * `REGISTRY_CLOSED`
   */
  open(
    id: string,
    options: ResolvedStream,
    ifExists: IfExists,
    sourced?: boolean,
  ): OpenedStream | Promise<OpenedStream>;
  /** @throws `STREAM_EXISTS` when the id is known to be a live stream's */
  channel(id: string): HostedChannel;
  /**
   * What is known of a stream, also in the store.
   *
   * @throws (as a rejection, with a store) `STORE_UNAVAILABLE`, `REGISTRY_CLOSED`
   */
  find(id: string): Promise<StreamInfo | undefined>;
  /** Ends a live stream as `cancelled`. Resolves with whether it was live. */
  cancel(id: string, reason: unknown, options?: CancelOptions): Promise<boolean>;
  /**
   * Looks a stream up in the store, now and repeatedly, until the returned function is called; a channel is created if
   * it is not there. With `isFresh` the listener gets no result of a look-up that has begun already. `undefined` without a
   * store.
   */
  readonly look:
    | ((
        id: string,
        kind: StreamKind,
        listener: (result: LookupResult) => void,
        isFresh?: boolean,
      ) => () => void)
    | undefined;
  /**
   * Calls `onDisconnect` when {@link disconnect} is called with the key in any process, until the returned function is
   * called.
   */
  watchKey(key: string, onDisconnect: () => void): () => void;
  /** @throws (as a rejection, with a store) `STORE_UNAVAILABLE`, `REGISTRY_CLOSED` */
  disconnect(key: string): Promise<void>;
  /** Releases everything. What is on its way to a store has until `until` to get there. */
  close(until: number): Promise<void>;
}
