// Tested by test/registry/bare-sources.test.ts.
import { check } from "../base/validate.ts";
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

/** @throws `INVALID_OPTION` */
export function bareHostOf(registry: { readonly [BARE_HOST]: BareHost } | undefined): BareHost | undefined {
  if (registry === undefined) return undefined;
  const isRegistry = typeof registry === "object" && registry !== null && BARE_HOST in registry;
  check(isRegistry, "registry", "a registry from `createRegistry`", registry);
  return registry[BARE_HOST];
}
