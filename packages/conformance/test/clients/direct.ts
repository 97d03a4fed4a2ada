import { Client, type ClientRequest } from "./client.ts";

/** What answers a request in this process. */
export type Answer = (request: Request) => Promise<Response>;

/** A client without a network: the one side of a web stream. */
export class DirectClient extends Client {
  readonly #answer: Answer;
  readonly #abort = new AbortController();
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #paused: Promise<void> | undefined;
  #resume: () => void = () => undefined;

  constructor(answer: Answer, { method = "GET", path = "/", headers = {}, body }: ClientRequest) {
    super();
    this.#answer = answer;
    const { signal } = this.#abort;
    const request = new Request(`http://127.0.0.1${path}`, {
      method,
      headers,
      signal,
      ...(body !== undefined && { body }),
    });
    void this.#read(request).catch(() => this.finish("cut"));
  }

  get paused(): boolean {
    return this.#paused !== undefined;
  }

  pause(): void {
    this.#paused = new Promise((resolve) => {
      this.#resume = resolve;
    });
  }

  resume(): void {
    this.#paused = undefined;
    this.#resume();
  }

  /** The signal of the request aborts, and the body is left alone. */
  cut(): void {
    this.#abort.abort();
    this.finish("cut");
  }

  /** The body is cancelled, and the signal of the request is silent. */
  reset(): void {
    void this.#reader?.cancel();
    this.finish("cut");
  }

  again(request: ClientRequest = {}): DirectClient {
    return new DirectClient(this.#answer, request);
  }

  async #read(request: Request): Promise<void> {
    const { status, headers, body } = await this.#answer(request);
    if (this.state !== "open") return body?.cancel();
    this.answer(status, Object.fromEntries(headers));
    this.#reader = body?.getReader();
    // An error is heard while nothing is read.
    this.#reader?.closed.catch(() => this.finish("cut"));
    for (;;) {
      await this.#paused;
      const next = await this.#reader?.read();
      if (next?.value === undefined) return this.finish("ended");
      this.take(next.value);
    }
  }
}
