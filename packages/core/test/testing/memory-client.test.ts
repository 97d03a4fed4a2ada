import fc from "fast-check";
import { expect, test, vi } from "vitest";
import type { Sink } from "../../src/connection/sink.ts";
import { createMemoryClient, type MemoryClient } from "../../src/testing/memory-client.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

interface Served {
  readonly client: MemoryClient;
  readonly sink: Sink;
  readonly drained: ReturnType<typeof vi.fn<() => void>>;
  readonly closed: ReturnType<typeof vi.fn<() => void>>;
}

function serve(client = createMemoryClient()): Served {
  const events = { drained: vi.fn<() => void>(), closed: vi.fn<() => void>() };
  return { client, sink: client.open(200, {}, events), ...events };
}

test("a request says what a client would say", () => {
  expect(createMemoryClient().request).toMatchObject({ method: "GET", cursor: undefined });
  expect(createMemoryClient({ method: "HEAD", cursor: "a.1" }).request).toMatchObject({
    method: "HEAD",
    cursor: "a.1",
  });
});

test("an answer is seen as it was given, and can be given only once", () => {
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

test("what is written is read, also when a character comes in two writes", () => {
  const { client, sink } = serve();
  const [first, ...rest] = bytes("é");
  expect(sink.write(bytes("caf"))).toBe(true);
  sink.write(Uint8Array.of(first as number));
  sink.write(Uint8Array.from(rest));
  expect(client.text).toBe("café");
  expect(client.writes).toBe(3);
});

test("a byte order mark is read like anything else", () => {
  const { client, sink } = serve();
  sink.write(bytes("\ufeff:\n\n"));
  expect(client.text).toBe("\ufeff:\n\n");
});

test("a stalled client says hold, and drained once when it takes what is there", () => {
  const { client, sink, drained } = serve();
  client.stall();
  expect(sink.write(bytes("a"))).toBe(false);
  client.drain();
  client.drain();
  expect(drained).toHaveBeenCalledOnce();
  expect(sink.write(bytes("b"))).toBe(true);
});

test("a write to a client that said hold is a mistake, and told as one", () => {
  const { client, sink } = serve();
  client.stall();
  sink.write(bytes("a"));
  expect(() => sink.write(bytes("b"))).toThrow("Written to before it had drained.");
  expect(client.text).toBe("a");
});

test("a client that stalls before anything is written has nothing to drain", () => {
  const { client, drained } = serve();
  client.stall();
  client.drain();
  expect(drained).not.toHaveBeenCalled();
});

test("the end is in order: behind what a stalled client has not taken yet", () => {
  const { client, sink, drained, closed } = serve();
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

test("a client that leaves aborts its request first, and then its response is over", () => {
  const { client, closed } = serve();
  const order: string[] = [];
  client.request.signal.addEventListener("abort", () => order.push("abort"));
  closed.mockImplementation(() => order.push("closed"));
  client.leave();
  client.leave();
  expect(order).toEqual(["abort", "closed"]);
});

test("a client that left before its answer is answered once all the same, and that is over at once", async () => {
  const client = createMemoryClient();
  client.leave();
  expect(client.request.signal.aborted).toBe(true);
  const { sink, closed } = serve(client);
  expect(sink.write(bytes("a"))).toBe(false);
  sink.close();
  await Promise.resolve();
  expect(closed).toHaveBeenCalledOnce();
  expect(client).toMatchObject({ status: 200, text: "", state: "left" });
  expect(() => serve(client)).toThrow("The response was started twice.");
});

test("closed comes exactly once, and nothing is taken or told after it, in whatever order things happen", () => {
  const anyStep = fc.constantFrom("write", "close", "destroy", "stall", "drain", "leave");
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 12, size: "max" }), (steps) => {
      const { client, sink, drained, closed } = serve();
      let held = false;
      let ended: string | undefined;
      drained.mockImplementation(() => {
        held = false;
      });
      for (const step of steps) {
        const before = { text: client.text, drained: drained.mock.calls.length };
        if (step === "write") held ||= !sink.write(bytes("x"));
        else if (step === "close" || step === "destroy") sink[step]();
        else client[step as "stall" | "drain" | "leave"]();
        if (ended !== undefined) {
          expect({ text: client.text, drained: drained.mock.calls.length }).toEqual(before);
          expect(client.state).toBe(ended);
        }
        const isOver = ["flushed", "destroyed", "left"].includes(client.state);
        expect(closed).toHaveBeenCalledTimes(isOver ? 1 : 0);
        if (isOver) ended = client.state;
      }
    }),
  );
});
