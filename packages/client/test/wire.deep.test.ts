import type { ServerResponse } from "node:http";
import { describe, expect, test } from "vitest";
import { connect, ResilientEventSource, type StreamReset } from "../src/index.ts";
import { event } from "./support/follow.ts";
import { startHttpServer } from "./support/http-server.ts";

const EPOCH = "k3v9x0q2ma";
const DATA = ["zwölf", "€uro\n\n🐎", "", "data: id: :", "\u{feff}mark"];
/** An event, with a `data:` line for each line of its data. */
const frame = (data: string, seq: number): string =>
  event(data.replaceAll("\n", "\ndata: "), `${EPOCH}.${seq}`);
const openBlock = (from: number, state: string): string =>
  `event: stream.open\nid: ${EPOCH}.${from}\nretry: 1\ndata: {"state":"${state}","first":1,"last":${DATA.length},"heartbeat":15000}\n\n`;
const END = event(`{"status":"done"}`, `${EPOCH}.${DATA.length + 1}.end`, "stream.end");

/** The bytes of a recorded stream after its first `from` events. */
const recorded = (from: number, newline: string): Buffer =>
  Buffer.from(
    [openBlock(from, "ended"), ":\n\n", ...DATA.map((data, index) => frame(data, index + 1)).slice(from), END]
      .join("")
      .replaceAll("\n", newline),
  );

/** Responds with the recorded stream after the cursor, and cuts the response at byte `cutAt` if it is given. */
function play(
  res: ServerResponse,
  cursor: string | undefined,
  cutAt: number | undefined,
  newline: string,
): void {
  const from = cursor === undefined ? 0 : Number(cursor.split(".")[1]);
  res.writeHead(200, { "content-type": "text/event-stream" });
  if (cutAt === undefined) return void res.end(recorded(from, newline));
  res.write(recorded(from, newline).subarray(0, cutAt), () => {
    if (cutAt % 2 === 0) res.destroy();
    else res.end();
  });
}

describe.each([
  ["LF", "\n"],
  ["CRLF", "\r\n"],
])("a stream with %s, cut at every byte", (_name, newline) => {
  const bytes = recorded(0, newline).length;

  test("delivers the same events", async () => {
    const cursors = new Map<string, (string | undefined)[]>();
    const { url } = await startHttpServer((req, res) => {
      const seen = cursors.get(req.url as string) ?? [];
      cursors.set(req.url as string, seen);
      const cursor = req.headers["last-event-id"]?.toString();
      play(res, cursor, seen.length === 0 ? Number(req.url?.split("=")[1]) : undefined, newline);
      seen.push(cursor);
    });

    async function follow(cutAt: number): Promise<void> {
      const resets: StreamReset[] = [];
      const connection = connect(`${url}?cut=${cutAt}`, {
        onReset: (reset) => resets.push(reset),
        random: () => 0,
      });
      const messages = await Array.fromAsync(connection);
      expect(messages.map(({ data }) => data)).toEqual(DATA);
      expect(messages.map(({ id }) => id)).toEqual(DATA.map((_, index) => `${EPOCH}.${index + 1}`));
      expect(resets).toEqual([]);
      expect(connection.state).toEqual({ status: "closed", reason: "done" });
      expect(cursors.get(`/stream?cut=${cutAt}`)?.length).toBeLessThanOrEqual(2);
    }
    const cuts = Array.from({ length: bytes }, (_, cutAt) => cutAt);
    while (cuts.length > 0) await Promise.all(cuts.splice(0, 50).map(follow));
  });
});

test("a stream that arrives byte by byte delivers the same events", async () => {
  const { url } = await startHttpServer((_req, res) => {
    const bytes = [...recorded(0, "\n")];
    const next = (): void => {
      const byte = bytes.shift();
      if (byte === undefined) res.end();
      else res.write(Buffer.of(byte), next);
    };
    res.writeHead(200, { "content-type": "text/event-stream" });
    next();
  });
  const messages = await Array.fromAsync(connect(url));
  expect(messages.map(({ data }) => data)).toEqual(DATA);
});

test("a ResilientEventSource dispatches the same events", async () => {
  const { url, requests } = await startHttpServer((req, res) => {
    const cursor = req.headers["last-event-id"]?.toString();
    play(res, cursor, requests.length === 1 ? 300 : undefined, "\n");
  });
  const source = new ResilientEventSource(url);
  const data: string[] = [];
  source.onmessage = (message) => data.push(message.data);
  await new Promise((resolve) => source.addEventListener("stream.end", resolve));
  expect(data).toEqual(DATA);
  expect(requests).toHaveLength(2);
});

test("a redirect is followed by every attempt", async () => {
  const { url, requests } = await startHttpServer((req, res) => {
    if (req.url === "/stream") return void res.writeHead(307, { location: "/elsewhere" }).end();
    play(res, req.headers["last-event-id"]?.toString(), requests.length === 2 ? 200 : undefined, "\n");
  });
  expect(await Array.fromAsync(connect(url))).toHaveLength(DATA.length);
  expect(requests.map((req) => req.url)).toEqual(["/stream", "/elsewhere", "/stream", "/elsewhere"]);
});

test("the server sees that a client leaves the loop", async () => {
  let onClose: () => void = () => undefined;
  const closed = new Promise<void>((resolve) => (onClose = resolve));
  const { url } = await startHttpServer((_req, res) => {
    res.on("close", onClose).writeHead(200, { "content-type": "text/event-stream" });
    res.write(event("a"));
  });
  for await (const { data } of connect(url)) {
    expect(data).toBe("a");
    break;
  }
  await closed;
});
