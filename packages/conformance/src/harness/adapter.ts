import type { Exchange } from "../subject/index.ts";

/** An adapter in a server, and what this server cannot do. */
export interface AdapterUnderTest {
  /** @default "an adapter" */
  readonly name?: string;
  /**
   * Listens on the loopback interface, and passes every request to `answer`, after whatever the framework does before its
   * handlers. Where `answer` rejects, the framework's error handler MUST respond with a 500. Called once for each test.
   */
  readonly start: (answer: Answer) => Promise<Listening>;
  /** What the server or its transport cannot do, each with the reason. @default it can do everything */
  readonly capabilities?: Capabilities;
}

/** Handles a request. Resolves to what the adapter returned, and rejects with what it threw. */
export type Answer = (exchange: Exchange) => Promise<unknown>;

/** What some servers and transports can do and others cannot. */
export type Capability =
  /** Bytes are written straight to the client's connection: nothing between server and client buffers them. */
  | "direct"
  /** A client that closes its connection (a FIN) is noticed without a write to it. A reset is always noticed. */
  | "closeWhileIdle"
  /** A client that half-closes its connection (a FIN) and continues to read is treated as disconnected. */
  | "halfClose"
  /** A client that disconnects before the response begins is noticed. */
  | "leavingBeforeAnswer"
  /** A connection serves one request after the other. */
  | "keepAlive"
  /** A connection accepts further requests before the responses to the first ones have ended. */
  | "pipelining"
  /** The adapter knows when the response to a pipelined request gets the connection: it is not admitted before. */
  | "admissionInTurn"
  /** A response that is cut does not look like one that has ended. It does behind Caddy, and over HTTP/1.0. */
  | "visibleCut"
  /** A response is cut by a FIN or by RST_STREAM. A RST of TCP drops what the client has not read. */
  | "orderlyCut"
  /** Headers can be set before the adapter is called. */
  | "earlierHeaders";

/** `true`, or why it is missing. */
export type Capabilities = { readonly [Name in Capability]?: true | { readonly missing: string } };

/** A server that listens, for one test. */
export interface Listening {
  /** On 127.0.0.1. */
  readonly port: number;
  /** `h2c` is HTTP/2 without TLS, `h2` is HTTP/2 with TLS; any certificate is accepted. @default "http/1.1" */
  readonly protocol?: Protocol;
  /**
   * For a server in another process, which has its own subject (`createSubject`) and does not call `answer`: sends a
   * message of the suite to that subject, and returns its reply.
   */
  readonly tell?: (message: string) => Promise<string>;
  /** Stops listening, and resolves when no connection is left. The suite's clients have disconnected by then. */
  readonly close: () => Promise<void>;
}

/** The protocols that the suite's clients speak. */
export type Protocol = "http/1.1" | "h2c" | "h2";
