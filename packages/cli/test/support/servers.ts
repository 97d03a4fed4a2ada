import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { listen } from "@holdfast/conformance";
import { onTestFinished } from "vitest";

/** Starts a server until the test is finished, and returns its URL. */
export async function startServer(answer: RequestListener): Promise<string> {
  const { port, close } = await listen(createServer(answer));
  onTestFinished(close);
  return `http://127.0.0.1:${port}/`;
}

export const cursorOf = (req: IncomingMessage): string => String(req.headers["last-event-id"] ?? "");

export function beginStream(res: ServerResponse): ServerResponse {
  return res.writeHead(200, { "content-type": "text/event-stream" });
}

export const eventText = (id: number | string, data = `event ${id}`): string =>
  `id: ${id}\ndata: ${data}\n\n`;

/** The numbers behind a cursor, at most `length` of them. */
export const numbersAfter = (cursor: string, length: number): number[] =>
  Array.from({ length }, (_, n) => Number(cursor) + n + 1);

/**
 * A server that sends ten events to each connection and leaves it open, until there are thirty; then it answers 204. What
 * it sends behind a cursor, `replay` decides.
 */
export function startNumberedServer(
  replay: (numbers: number[], cursor: string) => number[],
): Promise<string> {
  return startServer((req, res) => {
    const cursor = cursorOf(req);
    if (Number(cursor) >= 30) return void res.writeHead(204).end();
    beginStream(res).write(
      replay(numbersAfter(cursor, 10), cursor)
        .map((number) => eventText(number))
        .join(""),
    );
  });
}
