import type { Client } from "../wire/client.ts";
import type { Suite } from "./suite.ts";

/** A way in which a client disconnects. */
export interface Disconnect {
  readonly name: string;
  readonly disconnect: (client: Client) => void;
}

/** The ways that end a connection. */
export function disconnects({ has }: Suite): readonly Disconnect[] {
  const close = { name: "it closes the connection", disconnect: (client: Client) => client.cut() };
  const reset = { name: "it resets the connection", disconnect: (client: Client) => client.reset() };
  return has("closeWhileIdle") ? [close, reset] : [reset];
}

/** Those ways, and a half-close, after which the client may continue to read. */
export function allDisconnects(suite: Suite): readonly Disconnect[] {
  const halfClose = {
    name: "it half-closes the connection",
    disconnect: (client: Client) => client.halfClose?.(),
  };
  return suite.has("halfClose") ? [...disconnects(suite), halfClose] : disconnects(suite);
}

/** A heartbeat that never comes, in ms: a test that uses it knows that no heartbeat detected the disconnect. */
export const NO_HEARTBEAT = 3_600_000;
