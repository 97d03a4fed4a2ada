import { type Clock, withHeartbeat } from "@holdfast/core";
import type { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import { createEventLog } from "./event-log.ts";

export interface SessionOptions {
  /** A heartbeat goes out after so many ms of silence. */
  readonly interval: number;
  /** A session to which nobody is connected is closed after so many ms. */
  readonly idle: number;
  readonly clock: Clock;
}

/** A client's session: its transport, until nobody has been there for a while. */
export class Session {
  readonly #transport: WebStandardStreamableHTTPServerTransport;
  readonly #options: SessionOptions;
  #open = 0;
  #closed = false;
  #disarm: () => void = () => undefined;

  private constructor(transport: WebStandardStreamableHTTPServerTransport, options: SessionOptions) {
    this.#transport = transport;
    this.#options = options;
  }

  /**
   * @param began told of the session's id, once a client has initialised it
   * @param over told of it when the session is closed
   */
  static async create(
    server: McpServer,
    options: SessionOptions,
    began: (id: string, session: Session) => void,
    over: (id: string) => void,
  ): Promise<Session> {
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => crypto.randomUUID(),
      eventStore: createEventLog(),
      keepAliveMs: 0, // the heartbeats are ours
      onsessioninitialized: (id) => began(id, session),
    });
    const session = new Session(transport, options);
    transport.onclose = () => session.#end(over);
    await server.connect(transport);
    return session;
  }

  /** How many responses are not over. */
  get open(): number {
    return this.#open;
  }

  /** Answers a request; a body that is an event stream has heartbeats. */
  async answer(request: Request): Promise<Response> {
    this.#disarm();
    this.#open++;
    const { interval, clock } = this.#options;
    const response = await this.#transport.handleRequest(request);
    const beating = withHeartbeat(response, { interval, clock, signal: request.signal });
    return watched(beating, () => this.#left());
  }

  close(): Promise<void> {
    return this.#transport.close();
  }

  #left(): void {
    if (--this.#open > 0 || this.#closed) return;
    this.#disarm = this.#options.clock.after(this.#options.idle, () => void this.close());
  }

  #end(over: (id: string) => void): void {
    this.#closed = true;
    this.#disarm();
    over(this.#transport.sessionId ?? "");
  }
}

/** The response, and who is told when its body is over: read, broken off or left. */
function watched(response: Response, over: () => void): Response {
  if (response.body === null) {
    over();
    return response;
  }
  const body = response.body.pipeThrough(new TransformStream({ flush: over, cancel: over }));
  return new Response(body, response);
}
