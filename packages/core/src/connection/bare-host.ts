// Tested by test/registry/bare-sources.test.ts.
import type { ConnectionPool } from "./connection-pool.ts";
import type { ResolvedDelivery, ResolvedStream } from "./options.ts";

/** The key under which a registry offers its connections to bare sources, also across copies of this package. */
export const BARE_HOST: unique symbol = Symbol.for("holdfast.bare-host") as never;

/** What a registry gives to the bare sources that are served with it. */
export interface BareHost {
  readonly pool: ConnectionPool;
  readonly delivery: ResolvedDelivery;
  readonly stream: ResolvedStream;
}
