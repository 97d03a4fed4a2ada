import { createServer as createHttp1Server, type ServerResponse } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import { connect as connectTcp, type Server, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { listen } from "@holdfast/conformance";
import { createRegistry } from "@holdfast/core";
import { createFakeClock } from "@holdfast/core/testing";
import { type NodeRequest, type NodeResponse, sse } from "@holdfast/node-http";
import { describe, expect, onTestFinished, test } from "vitest";
import { eventually } from "../src/harness/eventually.ts";
import { sendHttp2 } from "../src/wire/http2.ts";
import { certificate } from "./support/certificate.ts";

// Covers idleTimeout over real transports: node-http/bytes-taken, and connection/paged-sink and -deadlines of core.

const IDLE = 90_000;
const MIB = 1 << 20;
/** More than the kernel buffers on both sides, so that the server waits for the client most of the time. */
const EVENT = 40 * MIB;
/** How much the client reads at a time. The kernel takes more from the server only when a good part of its buffer is free. */
const STEP = 4 * MIB;

type Handler = (req: NodeRequest, res: NodeResponse) => void;

/** A client that reads only when it is told to. */
interface SlowClient {
  received: number;
  pause(): void;
  resume(): void;
  destroy(): void;
}

interface Transport {
  readonly name: string;
  readonly createServer: (handler: Handler) => Server;
  readonly connect: (port: number) => SlowClient;
}

function overSocket(socket: Socket): SlowClient {
  const client: SlowClient = {
    received: 0,
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    destroy: () => void socket.destroy(),
  };
  socket.on("data", ({ length }) => void (client.received += length));
  socket.on("error", () => undefined);
  socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
  return client;
}

const transports: readonly Transport[] = [
  {
    name: "HTTP/1.1",
    createServer: (handler) => createHttp1Server(handler),
    connect: (port) => overSocket(connectTcp(port, "127.0.0.1")),
  },
  {
    name: "HTTP/1.1 with TLS",
    createServer: (handler) => createHttpsServer(certificate(), handler),
    connect: (port) => overSocket(connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false })),
  },
  {
    name: "HTTP/2",
    createServer: (handler) => createHttp2Server(handler),
    connect(port) {
      const client = sendHttp2("http", port, {});
      return {
        get received() {
          return client.text.length;
        },
        pause: () => client.pause(),
        resume: () => client.resume(),
        destroy: () => client.cut(),
      };
    },
  },
];

describe.each(transports)("over $name", ({ createServer, connect }) => {
  test("a client that takes something within `idleTimeout` stays, however long one event takes; then it stalls, and is cut", async () => {
    const clock = createFakeClock();
    const reasons: string[] = [];
    const jobs = createRegistry({
      clock,
      idleTimeout: IDLE,
      maxEventBytes: 2 * EVENT,
      buffer: { bytes: 8 * EVENT },
      bytes: 8 * EVENT,
      observer: { connectionClosed: ({ reason }) => void reasons.push(reason) },
    });
    const job = await jobs.open("42");
    let response: NodeResponse | undefined;
    const { port, close } = await listen(
      createServer((req, res) => {
        response = res;
        void sse(req, res, job);
      }),
    );
    onTestFinished(close);
    const client = connect(port);
    onTestFinished(() => client.destroy());
    await eventually(async () => expect(client.received).toBeGreaterThan(0));
    client.pause();
    job.push({ data: "x".repeat(EVENT) });
    await clock.flush();

    /** Whether the server has nothing to do before the client reads. */
    const stalls = async (): Promise<void> => {
      let turns = 0;
      for (let seen = NaN; turns < 50; turns++) {
        const now = (response as ServerResponse).socket?.bytesWritten ?? 0;
        if (now !== seen) turns = 0;
        seen = now;
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    };
    await stalls();
    for (let read = 0; read + STEP <= EVENT / 2; read += STEP) {
      const from = client.received;
      client.resume();
      await eventually(async () => expect(client.received).toBeGreaterThan(from + STEP));
      client.pause();
      await stalls();
      await clock.advance(IDLE - 1);
      expect(reasons).toEqual([]);
    }
    expect(client.received).toBeLessThan(EVENT);
    await clock.advance(2 * IDLE);
    expect(reasons).toEqual(["zombie"]);
  });
});
