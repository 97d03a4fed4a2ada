import { type ClientRequest as Request, type IncomingMessage, request } from "node:http";
import { createGunzip } from "node:zlib";
import { Client, type ClientRequest } from "../../src/wire/client.ts";

/** A client that accepts gzip, and decompresses what has arrived so far. */
export class GzipClient extends Client {
  readonly #port: number;
  readonly #request: Request;

  constructor(port: number, { method = "GET", path = "/", headers = {} }: ClientRequest = {}) {
    super();
    this.#port = port;
    this.#request = request({ host: "127.0.0.1", port, method, path, agent: false });
    for (const [name, value] of Object.entries({ "accept-encoding": "gzip", ...headers }))
      this.#request.setHeader(name, value);
    this.#request.on("response", (response) => this.#read(response));
    this.#request.on("error", () => this.finish("cut"));
    this.#request.end();
  }

  pause(): void {
    this.#request.socket?.pause();
  }

  resume(): void {
    this.#request.socket?.resume();
  }

  cut(): void {
    this.#request.destroy();
  }

  reset(): void {
    this.#request.socket?.resetAndDestroy();
  }

  sendNext(next?: ClientRequest): GzipClient {
    return new GzipClient(this.#port, next);
  }

  #read(response: IncomingMessage): void {
    const { statusCode = 0, headers } = response;
    this.answer(statusCode, headers as Record<string, string>);
    const body = headers["content-encoding"] === "gzip" ? response.pipe(createGunzip()) : response;
    body.on("data", (bytes: Buffer) => this.take(bytes));
    body.on("end", () => this.finish("ended"));
    response.on("close", () => {
      if (!response.complete) this.finish("cut");
    });
  }
}
