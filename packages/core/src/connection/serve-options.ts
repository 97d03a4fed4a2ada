import type { BARE_HOST, BareHost } from "./bare-host.ts";
import type { OptionNames } from "../base/check-options.ts";
import type { ConnectionLabels } from "../protocol/observer.ts";
import type { CloseReason } from "../protocol/reasons.ts";
import {
  DELIVERY_NAMES,
  type DeliveryOptions,
  type StreamOptions,
  SURROUNDINGS_NAMES,
  type Surroundings,
} from "./options.ts";

/** How the response of one call ended. */
export interface CloseInfo extends ConnectionLabels {
  /** The HTTP status: 200 with a stream, or that of a response without one. */
  readonly status: number;
  /** Why the connection closed; `undefined` for a response without a stream. */
  readonly reason: CloseReason | undefined;
  /** The reason that `registry.disconnect` was given. */
  readonly cause: unknown;
  /** How long the connection was open, in ms. */
  readonly duration: number;
  /** User events written. */
  readonly events: number;
  /** Bytes written, heartbeats and control events included. */
  readonly bytes: number;
}

/**
 * Options of one call of an adapter, such as `sse(c, source, options)`. `buffer`, `maxEventBytes`, `clock`, `random` and
 * `observer` apply to bare sources; for streams those of the registry apply.
 */
export interface ServeOptions
  extends DeliveryOptions, Surroundings, Pick<StreamOptions, "buffer" | "maxEventBytes"> {
  /**
   * For a bare source and for `multiplex`: the registry that counts, limits, observes and drains the connection. The defaults
   * of the call are then those of the registry. Without it, a bare source keeps `server.close()` waiting until it ends by
   * itself, and `multiplex` takes the registry of its first stream.
   */
  readonly registry?: { readonly [BARE_HOST]: BareHost };
  /**
   * Whose connection it is, such as the id of a user: for `maxConnectionsPerKey`, `registry.connections` and
   * `registry.disconnect`, and passed to the observer. A bare source needs `registry` for it.
   */
  readonly key?: string;
  /** Called once, when the response is over. What it throws goes to the observer, with the stage `cleanup`. */
  readonly onClose?: (info: CloseInfo) => void;
  /**
   * Drains this connection when it aborts, for a logout or an expired token. The client reconnects, and the application
   * must refuse it then. One signal may be used for any number of connections; those that are over are not retained.
   */
  readonly signal?: AbortSignal;
}

export const SERVE_NAMES: OptionNames<ServeOptions> = {
  ...DELIVERY_NAMES,
  ...SURROUNDINGS_NAMES,
  buffer: true,
  maxEventBytes: true,
  registry: true,
  key: true,
  onClose: true,
  signal: true,
};
