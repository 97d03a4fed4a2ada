import { EventEmitter } from "node:events";
import { describe, expect, test } from "vitest";
import { type PipelinedResponse, waitForTurn } from "../../src/connection/response-turn.ts";

class TestSocket extends EventEmitter {
  destroyed = false;
  close(): void {
    this.destroyed = true;
    this.emit("close");
  }
}

class TestResponse extends EventEmitter implements PipelinedResponse {
  socket: TestSocket | null | undefined = null;
  destroyed = false;
  readonly req: { readonly socket: TestSocket };
  constructor(socket: TestSocket) {
    super();
    this.req = { socket };
  }
  begin(): void {
    this.socket = this.req.socket;
    this.emit("socket");
  }
}

function waitingResponses(count: number): { socket: TestSocket; responses: TestResponse[] } {
  const socket = new TestSocket();
  return { socket, responses: Array.from({ length: count }, () => new TestResponse(socket)) };
}

describe("a pipelined response", () => {
  test("has its turn when it gets the connection", async () => {
    const { socket, responses } = waitingResponses(2);
    const [first, second] = responses.map(waitForTurn);
    responses[0]?.begin();
    expect(await first).toBe(true);
    expect(socket.listenerCount("close")).toBe(1);
    responses[1]?.begin();
    expect(await second).toBe(true);
    expect(socket.listenerCount("close")).toBe(0);
  });

  test("has none when the connection closes, and any number of them has one listener", async () => {
    const { socket, responses } = waitingResponses(1_000);
    const turns = responses.map(waitForTurn);
    expect(socket.listenerCount("close")).toBe(1);
    socket.close();
    expect(new Set(await Promise.all(turns.map(async (turn) => turn)))).toEqual(new Set([false]));
    expect(socket.listenerCount("close")).toBe(0);
  });

  test("has none when it is destroyed before", async () => {
    const { socket, responses } = waitingResponses(1);
    const [turn] = responses.map(waitForTurn);
    responses[0]?.emit("close");
    expect(await turn).toBe(false);
    expect(socket.listenerCount("close")).toBe(0);
  });

  test("has none on a connection that has closed already", async () => {
    const { socket, responses } = waitingResponses(1);
    socket.close();
    expect(await Promise.all(responses.map(async (res) => waitForTurn(res)))).toEqual([false]);
  });
});

test("nothing waits for a response that has its connection, has none or is destroyed", () => {
  const { socket, responses } = waitingResponses(3);
  const [own, none, destroyed] = responses as [TestResponse, TestResponse, TestResponse];
  own.socket = socket;
  none.socket = undefined;
  destroyed.destroyed = true;
  expect([own, none, destroyed].map(waitForTurn)).toEqual([undefined, undefined, undefined]);
  expect(socket.listenerCount("close")).toBe(0);
});
