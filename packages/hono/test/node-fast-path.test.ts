import { EventEmitter } from "node:events";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { BodySink, SinkEvents } from "@holdfast/core";
import { FastPathSink } from "../src/node-fast-path.ts";

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

/** The part of Node's response that the fast path uses, with the text written to it. */
class FakeResponse extends EventEmitter {
  headersSent = false;
  destroyed = false;
  isEnded = false;
  isFull = false;
  text = "";

  write = (chunk: Uint8Array): boolean => {
    this.text += Buffer.from(chunk).toString();
    return !this.isFull;
  };

  end = (): void => {
    this.isEnded = true;
    if (!this.isFull) this.emit("close");
  };

  destroy = (): void => {
    this.destroyed = true;
    this.emit("close");
  };

  drain(): void {
    this.isFull = false;
    this.emit("drain");
    if (this.isEnded) this.emit("close");
  }
}

const begin = (response: FakeResponse, events: SinkEvents, canTakeOver = true): BodySink =>
  new FastPathSink(response as never, canTakeOver).begin(events);

/** Writes a body to a response, like the server in front of Hono. */
async function writeBody(body: ReadableStream<Uint8Array>, response: FakeResponse): Promise<void> {
  const reader = body.getReader();
  response.once("close", () => void reader.cancel());
  response.headersSent = true;
  const cut = (): void => {
    response.destroyed = true;
  };
  const flow = ({ done, value }: { done: boolean; value?: Uint8Array | undefined }): void => {
    if (done || value === undefined) response.end();
    else if (response.write(value)) void reader.read().then(flow, cut);
    else response.once("drain", () => void reader.read().then(flow, cut));
  };
  await reader.read().then(flow, cut);
}

interface Setup {
  readonly sink: BodySink;
  readonly response: FakeResponse;
  readonly events: { readonly drained: ReturnType<typeof vi.fn>; readonly closed: ReturnType<typeof vi.fn> };
}

function createSetup(canTakeOver = true): Setup {
  const response = new FakeResponse();
  const events = { drained: vi.fn<() => void>(), closed: vi.fn<() => void>() };
  return { sink: begin(response, events, canTakeOver), response, events };
}

/** Whether a write reaches the response synchronously. */
function isDirect({ sink, response }: Setup): boolean {
  const before = response.text.length;
  sink.write(bytesOf("?"));
  return response.text.length > before;
}

test("what the server writes in the turn in which the response begins leaves in one call: its head and the first chunk", async () => {
  const response = new FakeResponse();
  const order: string[] = [];
  const socket = { cork: () => order.push("cork"), uncork: () => order.push("uncork") };
  Object.assign(response, { socket });
  const { write } = response;
  response.write = (chunk) => (order.push("write"), write(chunk));
  const sink = begin(response, { drained: vi.fn(), closed: vi.fn() });
  void writeBody(sink.body, response);
  sink.write(bytesOf("open "));
  await settled();
  expect(order).toEqual(["cork", "write", "uncork"]);
});

describe("the fast path is taken", () => {
  test("after one chunk has reached the response directly", async () => {
    const setup = createSetup();
    const { sink, response } = setup;
    sink.write(bytesOf("open "));
    void writeBody(sink.body, response);
    await settled();
    expect(sink.write(bytesOf("first "))).toBe(true);
    expect(response.text).toBe("open ");
    await settled();
    expect(sink.write(bytesOf("second "))).toBe(true);
    expect(response.text).toBe("open first second ");
  });

  test("not while a chunk that was written meanwhile waits, so that its `drained` is not missed", async () => {
    const setup = createSetup();
    const { sink, response, events } = setup;
    void writeBody(sink.body, response);
    await settled();
    events.drained.mockClear();
    expect([sink.write(bytesOf("first ")), sink.write(bytesOf("second "))]).toEqual([true, false]);
    await settled();
    expect(events.drained).toHaveBeenCalledOnce();
    expect(response.text).toBe("first second ");
    sink.write(bytesOf("third "));
    await settled();
    expect(isDirect(setup)).toBe(true);
  });

  test("and writes the bytes without a copy", async () => {
    const setup = createSetup();
    void writeBody(setup.sink.body, setup.response);
    await settled();
    setup.sink.write(bytesOf("first"));
    await settled();
    const bytes = bytesOf("second");
    const write = vi.spyOn(setup.response, "write");
    setup.sink.write(bytes);
    expect(write.mock.lastCall?.[0]).toBe(bytes);
  });
});

describe("the fast path is not taken", () => {
  const passThrough = (): TransformStream<Uint8Array, Uint8Array> => new TransformStream();

  test.each<readonly [name: string, wrap: (body: BodySink["body"]) => ReadableStream<Uint8Array>]>([
    ["a stream that only passes chunks on", (body) => body.pipeThrough(passThrough())],
    [
      "a stream that changes chunks",
      (body) =>
        body.pipeThrough(
          new TransformStream({ transform: (chunk, controller) => controller.enqueue(chunk.slice()) }),
        ),
    ],
    ["a branch of `tee`", (body) => body.tee()[0]],
    [
      "a generator",
      (body) =>
        ReadableStream.from(
          (async function* () {
            yield* body;
          })(),
        ),
    ],
    [
      "another stream that pulls",
      (body) => {
        const reader = body.getReader();
        return new ReadableStream({
          async pull(controller) {
            const { done, value } = await reader.read();
            if (done) controller.close();
            else controller.enqueue(value);
          },
        });
      },
    ],
    [
      "another stream that pulls without async functions",
      (body) => {
        const reader = body.getReader();
        return new ReadableStream({
          pull: (controller) =>
            reader.read().then(({ done, value }) => (done ? controller.close() : controller.enqueue(value))),
        });
      },
    ],
  ])("if the body goes through %s", async (_name, wrap) => {
    const setup = createSetup();
    const { write } = setup.response;
    void writeBody(wrap(setup.sink.body), setup.response);
    await settled();
    for (let count = 1; count <= 20; count++) {
      expect(isDirect(setup)).toBe(false);
      await settled();
    }
    expect(setup.response.text).toBe("?".repeat(20));
    expect(setup.response.write).toBe(write);
  });

  test("where the server would not leave the response alone after the end of its body", async () => {
    const setup = createSetup(false);
    void writeBody(setup.sink.body, setup.response);
    for (let count = 1; count <= 20; count++) {
      await settled();
      expect(isDirect(setup)).toBe(false);
    }
    setup.sink.close();
    await settled();
    expect(setup.response.isEnded).toBe(true);
  });

  test("before the headers are sent", async () => {
    const setup = createSetup();
    const reader = setup.sink.body.getReader();
    void reader.read().then(({ value }) => setup.response.write(value as Uint8Array));
    setup.sink.write(bytesOf("first"));
    await settled();
    expect(isDirect(setup)).toBe(false);
  });

  test("if the body is written to another response", async () => {
    const setup = createSetup();
    const other = new FakeResponse();
    setup.response.headersSent = true;
    void writeBody(setup.sink.body, other);
    for (let count = 1; count <= 20; count++) {
      await settled();
      expect(isDirect(setup)).toBe(false);
    }
    await settled();
    expect([setup.response.text, other.text]).toEqual(["", "?".repeat(20)]);
  });
});

test("a `write` that is replaced during the check is kept", async () => {
  const setup = createSetup();
  const { sink, response } = setup;
  void writeBody(sink.body, response);
  await settled();
  sink.write(bytesOf("first "));
  const { write } = response;
  const replacedWrite = vi.fn<FakeResponse["write"]>(write);
  response.write = replacedWrite;
  await settled();
  expect(response.write).toBe(replacedWrite);
  sink.write(bytesOf("second"));
  expect(replacedWrite).toHaveBeenCalledTimes(2);
  expect(response.text).toBe("first second");
});

describe("on the fast path", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout"] }));
  afterEach(() => void vi.useRealTimers());
  /** The time that a cut leaves the client to read. */
  const passCutDelay = (): void => void vi.advanceTimersByTime(100);

  async function onFastPath(): Promise<Setup> {
    const setup = createSetup();
    void writeBody(setup.sink.body, setup.response);
    await settled();
    setup.sink.write(bytesOf("."));
    await settled();
    expect(isDirect(setup)).toBe(true);
    setup.events.drained.mockClear();
    return setup;
  }

  test("writing pauses while the response is full, and continues when it drains", async () => {
    const { sink, response, events } = await onFastPath();
    response.isFull = true;
    expect(sink.write(bytesOf("a"))).toBe(false);
    await settled();
    expect(events.drained).not.toHaveBeenCalled();
    response.drain();
    expect(events.drained).toHaveBeenCalledOnce();
    expect(sink.write(bytesOf("b"))).toBe(true);
  });

  test("closing ends the response normally", async () => {
    const { sink, response, events } = await onFastPath();
    sink.close();
    sink.close();
    await settled();
    expect(response.isEnded).toBe(true);
    expect(events.closed).toHaveBeenCalledOnce();
    expect(sink.write(bytesOf("late"))).toBe(false);
    expect(response.text).not.toContain("late");
  });

  test("the body has ended, so that what is behind it can go, and the response goes on", async () => {
    const response = new FakeResponse();
    const { end } = response;
    const events = { drained: vi.fn<() => void>(), closed: vi.fn<() => void>() };
    const sink = begin(response, events);
    const { body } = sink;
    const over = writeBody(body, response);
    await settled();
    sink.write(bytesOf("first "));
    await over;
    await settled();
    expect([body.locked, response.isEnded, response.end]).toEqual([true, false, end]);
    expect(events.closed).not.toHaveBeenCalled();
    expect(sink.write(bytesOf("second"))).toBe(true);
    expect(response.text).toBe("first second");
  });

  test("cutting sends a FIN behind everything written, and `closed` follows when the response has closed", async () => {
    const { sink, response, events } = await onFastPath();
    const end = vi.fn<() => void>();
    Object.assign(response, { socket: { end, writableLength: 0 } });
    sink.cut(new Error("drained"));
    sink.cut(new Error("again"));
    sink.close();
    expect(sink.write(bytesOf("late"))).toBe(false);
    expect(end).not.toHaveBeenCalled();
    passCutDelay();
    await settled();
    expect(end).toHaveBeenCalledOnce();
    expect([response.isEnded, response.destroyed, events.closed.mock.calls.length]).toEqual([
      false,
      false,
      0,
    ]);
    response.emit("close");
    expect(events.closed).toHaveBeenCalledOnce();
    expect(response.text).not.toContain("late");
  });

  test("cutting over HTTP/2 resets the stream behind what is queued", async () => {
    const { sink, response } = await onFastPath();
    const close = vi.fn<(code: number) => void>();
    let onFlushed: () => void = () => undefined;
    const write = (_chunk: string, callback: () => void): void => void (onFlushed = callback);
    Object.assign(response, { stream: { writableLength: 5, write, close } });
    sink.cut(new Error("drained"));
    passCutDelay();
    expect(close).not.toHaveBeenCalled();
    onFlushed();
    passCutDelay();
    expect(close).toHaveBeenCalledExactlyOnceWith(2);
  });

  test("`closed` waits until a full response has drained", async () => {
    const { sink, response, events } = await onFastPath();
    response.isFull = true;
    sink.write(bytesOf("a"));
    sink.close();
    await settled();
    expect([response.isEnded, events.closed.mock.calls.length]).toEqual([true, 0]);
    response.drain();
    await settled();
    expect([response.isEnded, events.closed.mock.calls.length]).toEqual([true, 1]);
    expect(events.drained).not.toHaveBeenCalled();
  });

  test("a disconnect is reported once, and nothing is written after it", async () => {
    const { sink, response, events } = await onFastPath();
    response.destroyed = true;
    expect(sink.write(bytesOf("late"))).toBe(false);
    response.emit("close");
    await settled();
    expect(events.closed).toHaveBeenCalledOnce();
    response.destroyed = false;
    expect(sink.write(bytesOf("late"))).toBe(false);
    sink.close();
    sink.destroy(new Error("late"));
    expect(events.closed).toHaveBeenCalledOnce();
    expect(response.text).not.toContain("late");
  });

  test("destroying reports the end once, also while the response is full", async () => {
    const { sink, response, events } = await onFastPath();
    response.isFull = true;
    sink.write(bytesOf("a"));
    sink.close();
    sink.destroy(new Error("zombie"));
    expect(events.closed).toHaveBeenCalledOnce();
    response.drain();
    expect(events.closed).toHaveBeenCalledOnce();
    expect(sink.write(bytesOf("late"))).toBe(false);
  });
});

test("the client is gone when the signal of a request that is followed aborts", async () => {
  const events = { drained: vi.fn<() => void>(), closed: vi.fn<() => void>() };
  const sink = new FastPathSink(new FakeResponse() as never, true);
  const listener = { abort: vi.fn<() => void>() };
  const client = new AbortController();
  sink.follow(new Request("http://x/", { signal: client.signal }));
  sink.onGone(listener);
  sink.begin(events);
  expect(sink.isGone).toBe(false);
  client.abort();
  expect([sink.isGone, listener.abort.mock.calls.length]).toEqual([true, 1]);
  expect(events.closed).toHaveBeenCalledOnce();
});

test("when the response closes without reading the body, the sink is closed", () => {
  const { sink, response, events } = createSetup();
  expect(sink.write(bytesOf("unread"))).toBe(false);
  response.emit("close");
  expect(events.closed).toHaveBeenCalledTimes(1);
  expect(sink.write(bytesOf("more"))).toBe(false);
  sink.close();
  sink.destroy();
  expect(events.closed).toHaveBeenCalledTimes(1);
});

test("when the client leaves before the response begins, `closed` is called right after the sink is created", async () => {
  const response = new FakeResponse();
  const sink = new FastPathSink(response as never, true);
  response.destroy();
  const events = { drained: vi.fn<() => void>(), closed: vi.fn<() => void>() };
  sink.begin(events);
  expect(events.closed).not.toHaveBeenCalled();
  await settled();
  expect(events.closed).toHaveBeenCalledOnce();
});

test("when the response is already closed, `closed` is called right after the sink is created", async () => {
  const response = new FakeResponse();
  response.destroyed = true;
  const events = { drained: vi.fn<() => void>(), closed: vi.fn<() => void>() };
  const sink = begin(response, events);
  expect(events.closed).not.toHaveBeenCalled();
  await Promise.resolve();
  expect(events.closed).toHaveBeenCalledTimes(1);
  expect(sink.write(bytesOf("unread"))).toBe(false);
});

test("whenever the switch to the fast path happens, every byte arrives once and in order, and no writer waits for ever", async () => {
  const anyStep = fc.oneof(
    { weight: 4, arbitrary: fc.constant("write" as const) },
    { weight: 2, arbitrary: fc.constant("wait" as const) },
    { weight: 1, arbitrary: fc.constant("full" as const) },
    { weight: 1, arbitrary: fc.constant("drain" as const) },
    { weight: 1, arbitrary: fc.constant("read" as const) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { maxLength: 40 }), async (steps) => {
      const { sink, response, events } = createSetup();
      let isRead = false;
      let isPaused = false;
      let written = "";
      events.drained.mockImplementation(() => (isPaused = false));
      for (const step of [...steps, "read" as const, "drain" as const, "wait" as const]) {
        if (step === "write") {
          const text = `${written.length} `;
          written += text;
          isPaused = !sink.write(bytesOf(text));
        } else if (step === "wait") await settled();
        else if (step === "full") response.isFull = true;
        else if (step === "drain") response.drain();
        else if (!isRead) {
          isRead = true;
          void writeBody(sink.body, response);
        }
      }
      const flush = async (): Promise<void> => {
        for (let turn = 0; turn < steps.length + 3; turn++) {
          response.drain();
          await settled();
        }
      };
      await flush();
      expect(isPaused).toBe(false);
      sink.close();
      await flush();
      expect(response.text).toBe(written);
      expect(response.isEnded).toBe(true);
    }),
    { numRuns: 300 },
  );
});
