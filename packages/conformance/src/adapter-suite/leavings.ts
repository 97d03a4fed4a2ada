import type { Client } from "../wire/client.ts";
import type { Suite } from "./suite.ts";

/** A way to leave. */
export interface Leaving {
  readonly name: string;
  readonly leave: (client: Client) => void;
}

/** The ways in which a client ends what it has begun. */
export function leavings({ has }: Suite): readonly Leaving[] {
  const close = { name: "it closes the connection", leave: (client: Client) => client.cut() };
  const reset = { name: "it resets", leave: (client: Client) => client.reset() };
  return has("closeWhileIdle") ? [close, reset] : [reset];
}

/** Those ways, and that of a client which goes on listening; a client that does may yet read. */
export function allLeavings(suite: Suite): readonly Leaving[] {
  const halfClose = { name: "it closes its half", leave: (client: Client) => client.halfClose?.() };
  return suite.has("halfClose") ? [...leavings(suite), halfClose] : leavings(suite);
}

/** A client is seen to leave within a second, however it leaves; in ms. */
export const SOON = 1_000;
