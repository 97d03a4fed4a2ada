import type { Exchange } from "../subject/index.ts";

/** An adapter with a server around it, and what is particular to the two. */
export interface AdapterUnderTest {
  /** @default "an adapter" */
  readonly name?: string;
  /**
   * Listens on the loopback interface, and hands every request to `answer`, behind whatever the framework does before
   * its handlers. Where `answer` rejects, the framework's error handler MUST answer with a 500. Called once for each test.
   */
  readonly start: (answer: Answer) => Promise<Listening>;
  /** What is not to be had, each with the reason. @default everything is */
  readonly capabilities?: Capabilities;
}

/** What a server does with a request. Resolves to what the adapter returned, and rejects with what it threw. */
export type Answer = (exchange: Exchange) => Promise<unknown>;

/** What some servers and transports can do and others cannot. */
export type Capability =
  /** What was written is either with the server or on its way to the client: nothing between the two keeps it. */
  | "direct"
  /** A client that closes its connection (a FIN) is noticed though nothing is written to it. One that resets it always is. */
  | "closeWhileIdle"
  /** A client that says that it has nothing more to say (a FIN), and reads on, is taken for one that has left. */
  | "halfClose"
  /** A client that leaves is noticed before the answer has begun. */
  | "leavingBeforeAnswer"
  /** A connection serves one request after the other. */
  | "keepAlive"
  /** A connection is given further requests before the answers to the first ones are over. */
  | "pipelining"
  /** A response that is cut does not look like one that has ended. */
  | "visibleCut"
  /** Headers can be set before the adapter is called. */
  | "earlierHeaders";

/** `true`, or why not. */
export type Capabilities = { readonly [Name in Capability]?: true | { readonly missing: string } };

export interface Listening {
  /** On 127.0.0.1. */
  readonly port: number;
  /** `h2c` is HTTP/2 without TLS, `h2` is HTTP/2 with it, whoever signed the certificate. @default "http/1.1" */
  readonly protocol?: Protocol;
  /**
   * For a server in another process, which has a subject of its own (`createSubject`) and does not call `answer`: hands
   * that subject a message of the suite, and returns its reply.
   */
  readonly tell?: (message: string) => Promise<string>;
  /** Stops listening, and resolves when no connection is left. The suite's clients have left by then. */
  readonly close: () => Promise<void>;
}

export type Protocol = "http/1.1" | "h2c" | "h2";
