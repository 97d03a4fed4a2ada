import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";
import { Client, type ClientRequest } from "./client.ts";

/** Sends a request over a new HTTP/2 session. With TLS, any certificate is accepted. */
export function sendHttp2(scheme: "http" | "https", port: number, request: ClientRequest): Http2Client {
  const session = connect(`${scheme}://127.0.0.1:${port}`, { rejectUnauthorized: false });
  // The stream's `close` follows every error of the session.
  session.on("error", () => undefined);
  return new Http2Client(session, request);
}

export class Http2Client extends Client {
  readonly #session: ClientHttp2Session;
  readonly #stream: ClientHttp2Stream;

  constructor(
    session: ClientHttp2Session,
    { method = "GET", path = "/", headers = {}, body }: ClientRequest = {},
  ) {
    super();
    this.#session = session;
    this.#stream = session.request({ ":method": method, ":path": path, ...headers }, { endStream: false });
    this.#stream.end(body);
    this.#stream.on("response", ({ ":status": status = 0, ...fields }) => {
      const named = Object.entries(fields).map(([name, value]) => [name, [value].flat().join(", ")] as const);
      this.answer(status, Object.fromEntries(named));
    });
    this.#stream.on("data", (chunk: Buffer) => this.take(chunk));
    this.#stream.on("error", () => this.finish("cut", this.#stream.rstCode));
    // Node emits `end` for some resets too; many clients take that for the end of the response.
    this.#stream.on("end", () => this.finish("ended"));
    this.#stream.on("close", () => this.finish("cut", this.#stream.rstCode));
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  cut(): void {
    this.#session.destroy();
  }

  reset(): void {
    this.#stream.close(constants.NGHTTP2_CANCEL);
  }

  override sendConcurrently(request: ClientRequest): Http2Client {
    return this.sendNext(request);
  }

  sendNext(request: ClientRequest = {}): Http2Client {
    return new Http2Client(this.#session, request);
  }
}
