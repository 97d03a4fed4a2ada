import type { BARE_HOST, BareHost } from "./bare-host.ts";
import type { OptionNames } from "../base/check-options.ts";
import {
  DELIVERY_NAMES,
  type DeliveryOptions,
  type StreamOptions,
  SURROUNDINGS_NAMES,
  type Surroundings,
} from "./options.ts";

/**
 * Options of one call of an adapter, such as `sse(c, source, options)`. `buffer`, `maxEventBytes`, `clock`, `random` and
 * `observer` apply to bare sources; for streams those of the registry apply.
 */
export interface ServeOptions
  extends DeliveryOptions, Surroundings, Pick<StreamOptions, "buffer" | "maxEventBytes"> {
  /**
   * For a bare source: the registry that counts, limits, observes and drains its connection. The defaults of the call are
   * then those of the registry. Without it, a bare source keeps `server.close()` waiting until it ends by itself.
   */
  readonly registry?: { readonly [BARE_HOST]: BareHost };
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
  signal: true,
};
