import { once } from "node:events";
import { get, type IncomingHttpHeaders } from "node:http";
import { connect, type IncomingHttpHeaders as Http2Headers } from "node:http2";
import type { Readable } from "node:stream";
import { createBrotliDecompress, createUnzip } from "node:zlib";
import { Client } from "../../src/wire/client.ts";

/** What a response comes through. */
interface Response {
  readonly status: number;
  readonly headers: IncomingHttpHeaders | Http2Headers;
  readonly body: Readable;
  readonly leave: () => void;
}

/** A client that takes a body apart again, as far as it has come. */
class EncodedClient extends Client {
  readonly #response: Response;

  constructor(response: Response) {
    super();
    this.#response = response;
    const { status, headers, body } = response;
    const named = Object.entries(headers).map(([name, value]) => [name, String(value)] as const);
    this.answer(status, Object.fromEntries(named));
    // What went wrong is told by `close`.
    body.on("error", () => undefined);
    body.on("close", () => {
      if (!body.readableEnded) this.finish("cut");
    });
    const plain = decode(body, headers["content-encoding"]);
    plain.on("data", (chunk: Buffer) => this.take(chunk));
    plain.on("error", () => this.finish("cut"));
    plain.on("end", () => this.finish("ended"));
  }

  pause(): void {
    this.#response.body.pause();
  }

  resume(): void {
    this.#response.body.resume();
  }

  cut(): void {
    this.#response.leave();
    this.finish("cut");
  }

  reset(): void {
    this.cut();
  }

  again(): never {
    throw new Error("It asks once.");
  }
}

/** Not by `pipe`, which would read on by itself after a pause. */
function decode(body: Readable, encoding: string | undefined): Readable {
  if (encoding === undefined) return body;
  const decoder = encoding === "br" ? createBrotliDecompress() : createUnzip();
  body.on("data", (chunk: Buffer) => decoder.write(chunk));
  body.on("end", () => decoder.end());
  return decoder;
}

/** Asks for `/` over HTTP/1.1, and waits for status and headers. */
export async function getEncoded(port: number, encoding?: string): Promise<Client> {
  const request = get({
    host: "127.0.0.1",
    port,
    agent: false,
    headers: encoding === undefined ? {} : { "accept-encoding": encoding },
  });
  const [body] = await once(request, "response");
  return new EncodedClient({
    status: body.statusCode,
    headers: body.headers,
    body,
    leave: () => body.destroy(),
  });
}

/** The same over HTTP/2. */
export async function getEncodedHttp2(port: number, encoding?: string): Promise<Client> {
  const session = connect(`http://127.0.0.1:${port}`);
  session.on("error", () => undefined);
  const body = session.request({
    ":path": "/",
    ...(encoding !== undefined && { "accept-encoding": encoding }),
  });
  const [{ ":status": status, ...headers }] = await once(body, "response");
  return new EncodedClient({ status, headers, body, leave: () => session.destroy() });
}
