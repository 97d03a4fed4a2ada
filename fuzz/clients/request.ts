import { Agent, get, type IncomingMessage } from "node:http";
import { connect } from "node:http2";
import type { Readable } from "node:stream";

export type Protocol = "http/1.1" | "h2c";

export interface Answer {
  readonly status: number;
  readonly body: Readable;
  /** Closes the connection. */
  readonly leave: () => void;
}

export type Headers = Readonly<Record<string, string>>;

/** Sends a request over a connection of its own. Rejects if the connection breaks before the answer. */
export function request(protocol: Protocol, port: number, path: string, headers: Headers): Promise<Answer> {
  return protocol === "h2c" ? requestHttp2(port, path, headers) : requestHttp1(port, path, headers);
}

function requestHttp1(port: number, path: string, headers: Headers): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = get({ host: "127.0.0.1", port, path, headers, agent: new Agent() });
    sent.on("error", reject);
    sent.on("response", (body: IncomingMessage) => {
      // Whoever reads the body gets the error; nobody does after the client has left.
      body.on("error", () => undefined);
      resolve({ status: body.statusCode ?? 0, body, leave: () => void sent.destroy() });
    });
  });
}

function requestHttp2(port: number, path: string, headers: Headers): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const session = connect(`http://127.0.0.1:${port}`);
    session.on("error", reject);
    const stream = session.request({ ":path": path, ...headers });
    const leave = (): void => session.destroy();
    stream.on("error", reject);
    stream.on("close", () => {
      leave();
      reject(new Error("The stream closed without an answer."));
    });
    stream.on("response", ({ ":status": status = 0 }) => resolve({ status, body: stream, leave }));
  });
}
