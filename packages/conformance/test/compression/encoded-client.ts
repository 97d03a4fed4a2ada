import { once } from "node:events";
import { get, type IncomingHttpHeaders } from "node:http";
import { connect, type IncomingHttpHeaders as Http2Headers } from "node:http2";
import { type Readable, Transform } from "node:stream";
import { createBrotliDecompress, createUnzip } from "node:zlib";
import { Client } from "../../src/wire/client.ts";

/** A response of HTTP/1.1 or HTTP/2. */
interface Response {
  readonly status: number;
  readonly headers: IncomingHttpHeaders | Http2Headers;
  readonly body: Readable;
  readonly disconnect: () => void;
}

/** A client that decompresses a body as far as it has arrived. */
class EncodedClient extends Client {
  readonly #response: Response;

  constructor(response: Response) {
    super();
    this.#response = response;
    const { status, headers, body } = response;
    const named = Object.entries(headers).map(([name, value]) => [name, String(value)] as const);
    this.answer(status, Object.fromEntries(named));
    // `close` follows every error.
    body.on("error", () => undefined);
    const plain = decode(body, headers["content-encoding"]);
    const finishCut = (): void => this.finish("cut");
    body.on("close", () => {
      if (body.readableEnded) return;
      // What arrived before the cut may still be in the decoder.
      if (plain instanceof Transform) plain.write("", () => setImmediate(finishCut));
      else finishCut();
    });
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
    this.#response.disconnect();
    this.finish("cut");
  }

  reset(): void {
    this.cut();
  }

  sendNext(): never {
    throw new Error("This client sends one request.");
  }
}

/** Without `pipe`, which would continue to read after a pause. */
function decode(body: Readable, encoding: string | undefined): Readable {
  if (encoding === undefined) return body;
  const decoder = encoding === "br" ? createBrotliDecompress() : createUnzip();
  body.on("data", (chunk: Buffer) => decoder.write(chunk));
  body.on("end", () => decoder.end());
  return decoder;
}

/** Requests `/` over HTTP/1.1, and waits for status and headers. */
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
    disconnect: () => body.destroy(),
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
  return new EncodedClient({ status, headers, body, disconnect: () => session.destroy() });
}
