import { createServer, type RequestListener, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { onTestFinished } from "vitest";
import { listen } from "@holdfast/conformance";

export interface ScriptedServer {
  readonly url: string;
  /** How many requests arrived. */
  readonly requests: number;
  /** How many bytes were written to all clients. */
  readonly written: number;
}

/** A server without holdfast that answers every request in the same way, until the test is finished. */
export async function startScriptedServer(answer: RequestListener): Promise<ScriptedServer> {
  const sockets = new Set<Socket>();
  let requests = 0;
  const server = createServer((req, res) => {
    requests++;
    sockets.add(req.socket);
    answer(req, res);
  });
  const { port, close } = await listen(server);
  onTestFinished(close);
  return {
    url: urlOf(port),
    get requests() {
      return requests;
    },
    get written() {
      return [...sockets].reduce((sum, { bytesWritten }) => sum + bytesWritten, 0);
    },
  };
}

/** The URL of a server that has closed. */
export async function closedServerUrl(): Promise<string> {
  const { port, close } = await listen(createServer());
  await close();
  return urlOf(port);
}

const urlOf = (port: number): string => `http://127.0.0.1:${port}/stream`;

/** Sends the headers of an event stream. */
export function beginStream(res: ServerResponse): ServerResponse {
  res.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
  return res;
}

/** Writes as long as the client reads. */
export function writeForever(res: ServerResponse, text: string): void {
  const write = (): void => {
    while (res.write(text));
  };
  res.on("drain", write);
  write();
}
