// Tested by test/connection/serve-signal.test.ts.
import { bridgeAbort } from "../base/abort-bridge.ts";
import type { Connection } from "./connection.ts";

/** Drains a connection when the application's signal aborts; at once if it has aborted already. */
export function drainWhenAborted(connection: Connection, signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  connection.latch.defer(bridgeAbort(signal, { abort: () => connection.drain("aborted") }));
}
