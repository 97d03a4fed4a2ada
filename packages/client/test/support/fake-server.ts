import { createFakeClock, type FakeClock } from "@holdfast/core/testing";
import { onTestFinished } from "vitest";

/** A request that was made with the injected `fetch`, and the response that a test gives to it. */
export class Exchange {
  readonly url: string;
  readonly init: RequestInit;
  /** How often the client has pulled from the response's body. */
  pulls = 0;
  /** Whether the server has ended the response, or the client has cancelled it. */
  isOver = false;
  readonly #resolve: (response: Response) => void;
  readonly #reject: (error: unknown) => void;
  #body: ReadableStreamDefaultController<Uint8Array> | undefined;

  constructor(
    url: string,
    init: RequestInit,
    resolve: (response: Response) => void,
    reject: (error: unknown) => void,
  ) {
    this.url = url;
    this.init = init;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  header(name: string): string | null {
    return new Headers(this.init.headers).get(name);
  }

  /** Responds with an event stream that stays open. */
  open(text = "", headers: Record<string, string> = {}): this {
    const body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#body = controller;
        },
        pull: () => {
          this.pulls++;
        },
        cancel: () => {
          this.isOver = true;
        },
      },
      { highWaterMark: 0 },
    );
    this.#resolve(new Response(body, { headers: { "content-type": "text/event-stream", ...headers } }));
    if (text !== "") this.send(text);
    return this;
  }

  /** Responds with a status, without a stream. */
  respond(status: number, headers: Record<string, string> = {}, body: string | null = null): void {
    this.#resolve(new Response(body, { status, headers }));
    this.isOver = true;
  }

  send(text: string): void {
    this.sendBytes(new TextEncoder().encode(text));
  }

  sendBytes(bytes: Uint8Array): void {
    this.#body?.enqueue(bytes);
  }

  /** Ends the response properly. */
  end(): void {
    if (!this.isOver) this.#body?.close();
    this.isOver = true;
  }

  /** Breaks the connection, before the response or within its body. */
  cut(): void {
    const error = new TypeError("terminated");
    if (this.#body === undefined) this.#reject(error);
    else if (!this.isOver) this.#body.error(error);
    this.isOver = true;
  }
}

/** A server without a network: a `fetch` whose requests a test answers by hand. */
export class FakeServer {
  readonly exchanges: Exchange[] = [];
  readonly clock: FakeClock = createFakeClock();
  readonly #times: number[] = [];
  /** Responds to each request at once, if it is set. */
  onRequest: ((exchange: Exchange) => void) | undefined;

  readonly fetch = (url: string | URL | Request, init: RequestInit = {}): Promise<Response> =>
    new Promise((resolve, reject) => {
      const exchange = new Exchange(new Request(url).url, init, resolve, reject);
      init.signal?.addEventListener("abort", () => {
        exchange.isOver = true;
        reject(new DOMException("aborted", "AbortError"));
      });
      this.exchanges.push(exchange);
      this.#times.push(this.clock.now());
      this.onRequest?.(exchange);
    });

  /** The number of requests. */
  get requests(): number {
    return this.exchanges.length;
  }

  /** The times between the requests, in whole ms. */
  get delays(): number[] {
    return this.#times.slice(1).map((time, index) => Math.round(time - (this.#times[index] as number)));
  }

  /** The last request. */
  get last(): Exchange {
    const last = this.exchanges.at(-1);
    if (last === undefined) throw new Error("There was no request.");
    return last;
  }
}

/** A server for one test. The test fails if a timer or an open response is left at its end. */
export function createFakeServer(): FakeServer {
  const server = new FakeServer();
  onTestFinished(async () => {
    await server.clock.flush();
    if (server.clock.timers > 0) throw new Error(`${server.clock.timers} timers are left.`);
    const open = server.exchanges.filter(({ isOver }) => !isOver);
    if (open.length > 0) throw new Error(`${open.length} responses are left open.`);
  });
  return server;
}
