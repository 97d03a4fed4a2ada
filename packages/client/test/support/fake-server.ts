import { createFakeClock, type FakeClock } from "@holdfast/core/testing";
import { onTestFinished } from "vitest";

/** A request that an injected `fetch` was given, and what answers it. */
export class Exchange {
  readonly url: string;
  readonly init: RequestInit;
  /** How often the body was asked for more. */
  pulls = 0;
  /** Whether the client has let go of it, or there is nothing to let go of any more. */
  isLeft = false;
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

  /** Answers with an event stream that stays open. */
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
          this.isLeft = true;
        },
      },
      { highWaterMark: 0 },
    );
    this.#resolve(new Response(body, { headers: { "content-type": "text/event-stream", ...headers } }));
    if (text !== "") this.send(text);
    return this;
  }

  /** Answers without a stream. */
  answer(status: number, headers: Record<string, string> = {}, body: string | null = null): void {
    this.#resolve(new Response(body, { status, headers }));
    this.isLeft = true;
  }

  send(text: string): void {
    this.sendBytes(new TextEncoder().encode(text));
  }

  sendBytes(bytes: Uint8Array): void {
    this.#body?.enqueue(bytes);
  }

  /** Ends the response in order. */
  end(): void {
    if (!this.isLeft) this.#body?.close();
    this.isLeft = true;
  }

  /** Breaks the connection, before the answer or behind it. */
  cut(): void {
    const error = new TypeError("terminated");
    if (this.#body === undefined) this.#reject(error);
    else if (!this.isLeft) this.#body.error(error);
    this.isLeft = true;
  }
}

/** A server without a network: a `fetch` whose requests a test answers by hand. */
export class FakeServer {
  readonly exchanges: Exchange[] = [];
  readonly clock: FakeClock = createFakeClock();
  readonly #times: number[] = [];
  /** Answers each request at once, if it is there. */
  onRequest: ((exchange: Exchange) => void) | undefined;

  readonly fetch = (url: string | URL | Request, init: RequestInit = {}): Promise<Response> =>
    new Promise((resolve, reject) => {
      const exchange = new Exchange(new Request(url).url, init, resolve, reject);
      init.signal?.addEventListener("abort", () => {
        exchange.isLeft = true;
        reject(new DOMException("aborted", "AbortError"));
      });
      this.exchanges.push(exchange);
      this.#times.push(this.clock.now());
      this.onRequest?.(exchange);
    });

  /** How many requests there were. */
  get requests(): number {
    return this.exchanges.length;
  }

  /** The times between the requests, in whole ms. */
  get delays(): number[] {
    return this.#times.slice(1).map((time, index) => Math.round(time - (this.#times[index] as number)));
  }

  /** The newest request. */
  get last(): Exchange {
    const last = this.exchanges.at(-1);
    if (last === undefined) throw new Error("There was no request.");
    return last;
  }
}

/** A server for one test, in which nothing is left behind: no timer, no response that nobody reads. */
export function createFakeServer(): FakeServer {
  const server = new FakeServer();
  onTestFinished(async () => {
    await server.clock.flush();
    if (server.clock.timers > 0) throw new Error(`${server.clock.timers} timers are left.`);
    const held = server.exchanges.filter(({ isLeft }) => !isLeft);
    if (held.length > 0) throw new Error(`${held.length} requests are left.`);
  });
  return server;
}
