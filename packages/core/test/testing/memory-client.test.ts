import fc from "fast-check";
import { expect, test, vi } from "vitest";
import type { Sink } from "../../src/connection/sink.ts";
import { createMemoryClient, type MemoryClient } from "../../src/testing/memory-client.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

interface Opened {
  readonly client: MemoryClient;
  readonly sink: Sink;
  readonly drained: ReturnType<typeof vi.fn<() => void>>;
  readonly closed: ReturnType<typeof vi.fn<() => void>>;
}

function openResponse(client = createMemoryClient()): Opened {
  const events = { drained: vi.fn<() => void>(), closed: vi.fn<() => void>() };
  return { client, sink: client.open(200, {}, events), ...events };
}

test("the request has the method and the cursor of the options", () => {
  expect(createMemoryClient().request).toMatchObject({ method: "GET", cursor: undefined });
  expect(createMemoryClient({ method: "HEAD", cursor: "a.1" }).request).toMatchObject({
    method: "HEAD",
    cursor: "a.1",
  });
});

test("the client has the status and headers of the response, which can be started only once", () => {
  const client = createMemoryClient();
  expect([client.status, client.headers, client.state]).toEqual([undefined, {}, "idle"]);
  const events = { drained: () => undefined, closed: () => undefined };
  client.open(404, { "cache-control": "no-store" }, events);
  expect([client.status, client.headers, client.state]).toEqual([
    404,
    { "cache-control": "no-store" },
    "open",
  ]);
  expect(() => client.open(200, {}, events)).toThrow("The response was started twice.");
});

test("`text` is what was written, also if a character is split over two writes", () => {
  const { client, sink } = openResponse();
  const [first, ...rest] = bytes("é");
  expect(sink.write(bytes("caf"))).toBe(true);
  sink.write(Uint8Array.of(first as number));
  sink.write(Uint8Array.from(rest));
  expect(client.text).toBe("café");
  expect(client.writes).toBe(3);
});

test("`text` has a byte order mark that was written", () => {
  const { client, sink } = openResponse();
  sink.write(bytes("\ufeff:\n\n"));
  expect(client.text).toBe("\ufeff:\n\n");
});

test("with a stalled client `write` returns false, and `drained` comes once when it reads", () => {
  const { client, sink, drained } = openResponse();
  client.stall();
  expect(sink.write(bytes("a"))).toBe(false);
  client.drain();
  client.drain();
  expect(drained).toHaveBeenCalledOnce();
  expect(sink.write(bytes("b"))).toBe(true);
});

test("a write before `drained` throws", () => {
  const { client, sink } = openResponse();
  client.stall();
  sink.write(bytes("a"));
  expect(() => sink.write(bytes("b"))).toThrow("Written to before it had drained.");
  expect(client.text).toBe("a");
});

test("a client that stalls and drains before anything is written causes no `drained`", () => {
  const { client, drained } = openResponse();
  client.stall();
  client.drain();
  expect(drained).not.toHaveBeenCalled();
});

test("the response of a stalled client ends when it has read everything", () => {
  const { client, sink, drained, closed } = openResponse();
  client.stall();
  sink.write(bytes("a"));
  sink.close();
  expect(client.state).toBe("closing");
  expect(closed).not.toHaveBeenCalled();
  client.drain();
  expect(client.state).toBe("flushed");
  expect(closed).toHaveBeenCalledOnce();
  expect(drained).not.toHaveBeenCalled();
});

test("a response that is cut ends behind what was written, also for a stalled client", () => {
  const { client, sink, drained, closed } = openResponse();
  client.stall();
  sink.write(bytes("a"));
  sink.cut(new Error("drained"));
  expect([client.state, closed.mock.calls.length]).toEqual(["closing", 0]);
  expect(sink.write(bytes("b"))).toBe(false);
  client.drain();
  expect([client.state, client.text, closed.mock.calls.length]).toEqual(["cut", "a", 1]);
  expect(drained).not.toHaveBeenCalled();
});

test("when a client leaves, the request aborts before `closed` comes", () => {
  const { client, closed } = openResponse();
  const order: string[] = [];
  client.request.signal.addEventListener("abort", () => order.push("abort"));
  closed.mockImplementation(() => order.push("closed"));
  client.leave();
  client.leave();
  expect(order).toEqual(["abort", "closed"]);
});

test("the response to a client that has already left can be started once, and is over at once", async () => {
  const client = createMemoryClient();
  client.leave();
  expect(client.request.signal.aborted).toBe(true);
  const { sink, closed } = openResponse(client);
  expect(sink.write(bytes("a"))).toBe(false);
  sink.close();
  await Promise.resolve();
  expect(closed).toHaveBeenCalledOnce();
  expect(client).toMatchObject({ status: 200, text: "", state: "left" });
  expect(() => openResponse(client)).toThrow("The response was started twice.");
});

test("in any order of calls `closed` comes exactly once, and nothing is written or reported after it", () => {
  const anyStep = fc.constantFrom("write", "close", "cut", "destroy", "stall", "drain", "leave");
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 12, size: "max" }), (steps) => {
      const { client, sink, drained, closed } = openResponse();
      let paused = false;
      let ended: string | undefined;
      drained.mockImplementation(() => {
        paused = false;
      });
      for (const step of steps) {
        const before = { text: client.text, drained: drained.mock.calls.length };
        if (step === "write") paused ||= !sink.write(bytes("x"));
        else if (step === "close" || step === "destroy") sink[step]();
        else if (step === "cut") sink.cut("cut");
        else client[step as "stall" | "drain" | "leave"]();
        if (ended !== undefined) {
          expect({ text: client.text, drained: drained.mock.calls.length }).toEqual(before);
          expect(client.state).toBe(ended);
        }
        const isOver = ["flushed", "cut", "destroyed", "left"].includes(client.state);
        expect(closed).toHaveBeenCalledTimes(isOver ? 1 : 0);
        if (isOver) ended = client.state;
      }
    }),
  );
});
