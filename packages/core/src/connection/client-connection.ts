// A type only; its implementations are tested by test/connection/connection.test.ts and test/multiplex/multiplex.test.ts.
import type { BareHost } from "./bare-host.ts";
import type { Connection } from "./connection.ts";
import type { PooledConnection } from "./connection-pool.ts";
import type { ConnectionOptions } from "./options.ts";
import type { ConnectionLabels } from "../protocol/observer.ts";

/** Where a client gets its stream: a response of its own, or a member's part of a multiplexed one. */
export type ClientConnection = PooledConnection &
  Pick<
    Connection,
    | "options"
    | "latch"
    | "ready"
    | "started"
    | "start"
    | "respondEmpty"
    | "setSource"
    | "pump"
    | "write"
    | "caughtUp"
    | "end"
    | "cut"
    | "drain"
    | "reject"
    | "retryDelay"
  >;

/** Takes a stream as a member of a multiplexed response; `undefined` if the response is over. */
export type ConnectMember = (
  host: BareHost,
  labels: ConnectionLabels,
  options: ConnectionOptions,
) => ClientConnection | undefined;
