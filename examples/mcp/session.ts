import { type Clock, withHeartbeat } from "@holdfast/core";
import type { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import { createEventStore } from "./event-store.ts";

export interface SessionOptions {
  /** Silence after which a heartbeat is sent, in ms. */
  readonly interval: number;
  /** Time without a connection after which a session is closed, in ms. */
  readonly idle: number;
  readonly clock: Clock;
}

/** The session of a client: its transport, and the timer that closes it when no response has been open for a while. */
export class Session {
  readonly #transport: WebStandardStreamableHTTPServerTransport;
  readonly #options: SessionOptions;
  #openResponses = 0;
  #closed = false;
  #cancelTimer: () => void = () => undefined;

  private constructor(transport: WebStandardStreamableHTTPServerTransport, options: SessionOptions) {
    this.#transport = transport;
    this.#options = options;
  }

  /**
   * @param onOpen called with the id of the session when the client has initialized it
   * @param onClose called with the id when the session is closed
   */
  static async create(
    server: McpServer,
    options: SessionOptions,
    onOpen: (id: string, session: Session) => void,
    onClose: (id: string) => void,
  ): Promise<Session> {
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => crypto.randomUUID(),
      eventStore: createEventStore(),
      keepAliveMs: 0, // withHeartbeat sends the heartbeats
      onsessioninitialized: (id) => onOpen(id, session),
    });
    const session = new Session(transport, options);
    transport.onclose = () => session.#onClosed(onClose);
    await server.connect(transport);
    return session;
  }

  /** Number of open responses. */
  get openResponses(): number {
    return this.#openResponses;
  }

  /** Handles a request. If the body of the response is an event stream, it gets heartbeats. */
  async handle(request: Request): Promise<Response> {
    this.#cancelTimer();
    this.#openResponses++;
    const { interval, clock } = this.#options;
    const response = await this.#transport.handleRequest(request);
    const withHeartbeats = withHeartbeat(response, { interval, clock, signal: request.signal });
    return onBodyEnd(withHeartbeats, () => this.#onResponseEnd());
  }

  close(): Promise<void> {
    return this.#transport.close();
  }

  #onResponseEnd(): void {
    if (--this.#openResponses > 0 || this.#closed) return;
    this.#cancelTimer = this.#options.clock.after(this.#options.idle, () => void this.close());
  }

  #onClosed(onClose: (id: string) => void): void {
    this.#closed = true;
    this.#cancelTimer();
    onClose(this.#transport.sessionId ?? "");
  }
}

/** Calls `onEnd` when the body of the response has ended, was cancelled, or does not exist. */
function onBodyEnd(response: Response, onEnd: () => void): Response {
  if (response.body === null) {
    onEnd();
    return response;
  }
  const body = response.body.pipeThrough(new TransformStream({ flush: onEnd, cancel: onEnd }));
  return new Response(body, response);
}
