import { createServer, type RequestListener, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { onTestFinished } from "vitest";
import { listen } from "@holdfast/conformance";

export interface StrangeServer {
  readonly url: string;
  /** How many requests came. */
  readonly requests: number;
  /** How many bytes were written to all who came. */
  readonly written: number;
}

/** A server that is no holdfast server, and answers every request in the same way, until the test is finished. */
export async function openStrangeServer(answer: RequestListener): Promise<StrangeServer> {
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

/** The URL of a server that is gone. */
export async function formerUrl(): Promise<string> {
  const { port, close } = await listen(createServer());
  await close();
  return urlOf(port);
}

const urlOf = (port: number): string => `http://127.0.0.1:${port}/stream`;

/** Begins a stream. */
export function begin(res: ServerResponse): ServerResponse {
  res.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
  return res;
}

/** Writes on, for as long as there is somebody who reads. */
export function pour(res: ServerResponse, text: string): void {
  const write = (): void => {
    while (res.write(text));
  };
  res.on("drain", write);
  write();
}
