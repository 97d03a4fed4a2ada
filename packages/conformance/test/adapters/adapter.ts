import type { ServeOptions, Source } from "@holdfast/core";
import type { Client, ClientRequest } from "../clients/client.ts";

/** An adapter, with a server around it, and what is particular to it. */
export interface Adapter {
  readonly name: string;
  /** The ways in which its clients leave. */
  readonly leavings: readonly Leaving[];
  /** Those of which the request's signal tells; of the others only the body does. */
  readonly signalled: readonly Leaving[];
  /** The headers that its server adds to a response by itself. */
  readonly ownHeaders: readonly string[];
  /** Whether several requests come over one connection. */
  readonly reuses: boolean;
  /** Whether headers can be set before the adapter is called. */
  readonly earlierHeaders: boolean;
  /** Listens, and hands each request over, behind whatever sets the headers `earlier`. */
  listen(handle: Handle, earlier: readonly (readonly [name: string, value: string])[]): Promise<Listening>;
}

type Leaving = "cut" | "reset" | "halfClose";

/** What a server does with a request. What it throws is answered by {@link refusalOf}, in the framework's own way. */
export type Handle = (exchange: Exchange) => Promise<unknown>;

export interface Exchange {
  /** The request's body, which has been read. */
  readonly body: string;
  /** Calls the adapter. */
  readonly sse: (source: Source, options?: ServeOptions) => Promise<unknown>;
}

export interface Listening {
  /** Where, for clients of HTTP/1.1; 0 for no such place. */
  readonly port: number;
  /** Sends a request over a connection of its own. */
  send(request: ClientRequest): Client;
  /** How many clients there are, as far as the transport knows. */
  clients(): number;
  /** What was written for a client and not taken. */
  outbox(client: Client): Outbox;
  close(): Promise<void>;
}

export interface Outbox {
  readonly bytes: number;
  /** Whether it takes no more. */
  readonly full: boolean;
}

/** How an error handler answers: 500, and this text. */
export function refusalOf(error: unknown): string {
  return `refused: ${(error as { code?: string }).code}`;
}
