import { EventEmitter } from "node:events";
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import type { BodySink } from "@holdfast/core";
import { createFastPathSink } from "../src/node-fast-path.ts";

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

/** Node's response, as far as the fast path knows it, with what was written to it. */
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

  drain(): void {
    this.isFull = false;
    this.emit("drain");
  }
}

/** Writes a body to a response as servers do it. */
async function pass(body: ReadableStream<Uint8Array>, response: FakeResponse): Promise<void> {
  const reader = body.getReader();
  response.once("close", () => void reader.cancel());
  response.headersSent = true;
  const cut = (): void => {
    response.destroyed = true;
  };
  const flow = ({ done, value }: { done: boolean; value?: Uint8Array | undefined }): void => {
    if (done || value === undefined) response.isEnded = true;
    else if (response.write(value)) void reader.read().then(flow, cut);
    else response.once("drain", () => void reader.read().then(flow, cut));
  };
  await reader.read().then(flow, cut);
}

interface Setting {
  readonly sink: BodySink;
  readonly response: FakeResponse;
  readonly events: { readonly drained: ReturnType<typeof vi.fn>; readonly closed: ReturnType<typeof vi.fn> };
}

function open(): Setting {
  const response = new FakeResponse();
  const events = { drained: vi.fn<() => void>(), closed: vi.fn<() => void>() };
  return { sink: createFastPathSink(events, response), response, events };
}

/** Whether what is written is at the response before anything else has run. */
function isTaken({ sink, response }: Setting): boolean {
  const before = response.text.length;
  sink.write(bytesOf("?"));
  return response.text.length > before;
}

describe("it is taken", () => {
  test("when a chunk has come out at the response by itself", async () => {
    const setting = open();
    const { sink, response } = setting;
    sink.write(bytesOf("open "));
    void pass(sink.body, response);
    await settled();
    expect(sink.write(bytesOf("first "))).toBe(true);
    expect(response.text).toBe("open ");
    await settled();
    expect(sink.write(bytesOf("second "))).toBe(true);
    expect(response.text).toBe("open first second ");
  });

  test("and gives the bytes as they are, without a copy", async () => {
    const setting = open();
    void pass(setting.sink.body, setting.response);
    await settled();
    setting.sink.write(bytesOf("first"));
    await settled();
    const bytes = bytesOf("second");
    const write = vi.spyOn(setting.response, "write");
    setting.sink.write(bytes);
    expect(write.mock.lastCall?.[0]).toBe(bytes);
  });
});

describe("it is not taken", () => {
  const passThrough = (): TransformStream<Uint8Array, Uint8Array> => new TransformStream();

  test.each<readonly [who: string, way: (body: BodySink["body"]) => ReadableStream<Uint8Array>]>([
    ["a stream that only passes chunks on", (body) => body.pipeThrough(passThrough())],
    [
      "a stream that changes chunks",
      (body) =>
        body.pipeThrough(
          new TransformStream({ transform: (chunk, controller) => controller.enqueue(chunk.slice()) }),
        ),
    ],
    ["a branch of it", (body) => body.tee()[0]],
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
  ])("past %s", async (_who, way) => {
    const setting = open();
    const { write } = setting.response;
    void pass(way(setting.sink.body), setting.response);
    await settled();
    for (let count = 1; count <= 20; count++) {
      expect(isTaken(setting)).toBe(false);
      await settled();
    }
    expect(setting.response.text).toBe("?".repeat(20));
    expect(setting.response.write).toBe(write);
  });

  test("before the headers are out", async () => {
    const setting = open();
    const reader = setting.sink.body.getReader();
    void reader.read().then(({ value }) => setting.response.write(value as Uint8Array));
    setting.sink.write(bytesOf("first"));
    await settled();
    expect(isTaken(setting)).toBe(false);
  });

  test("to a response that the body is not written to", async () => {
    const setting = open();
    const other = new FakeResponse();
    setting.response.headersSent = true;
    void pass(setting.sink.body, other);
    for (let count = 1; count <= 20; count++) {
      await settled();
      expect(isTaken(setting)).toBe(false);
    }
    await settled();
    expect([setting.response.text, other.text]).toEqual(["", "?".repeat(20)]);
  });
});

test("a `write` that somebody puts there meanwhile is not lost", async () => {
  const setting = open();
  const { sink, response } = setting;
  void pass(sink.body, response);
  await settled();
  sink.write(bytesOf("first "));
  const { write } = response;
  const theirs = vi.fn<FakeResponse["write"]>(write);
  response.write = theirs;
  await settled();
  expect(response.write).toBe(theirs);
  sink.write(bytesOf("second"));
  expect(theirs).toHaveBeenCalledTimes(2);
  expect(response.text).toBe("first second");
});

describe("behind it", () => {
  async function taken(): Promise<Setting> {
    const setting = open();
    void pass(setting.sink.body, setting.response);
    await settled();
    setting.sink.write(bytesOf("."));
    await settled();
    expect(isTaken(setting)).toBe(true);
    setting.events.drained.mockClear();
    return setting;
  }

  test("it holds while the response is full, and drains with it", async () => {
    const { sink, response, events } = await taken();
    response.isFull = true;
    expect(sink.write(bytesOf("a"))).toBe(false);
    await settled();
    expect(events.drained).not.toHaveBeenCalled();
    response.drain();
    expect(events.drained).toHaveBeenCalledOnce();
    expect(sink.write(bytesOf("b"))).toBe(true);
  });

  test("an end is an end in order", async () => {
    const { sink, response, events } = await taken();
    sink.close();
    sink.close();
    await settled();
    expect(response.isEnded).toBe(true);
    expect(events.closed).toHaveBeenCalledOnce();
    expect(sink.write(bytesOf("late"))).toBe(false);
    expect(response.text).not.toContain("late");
  });

  test("an end waits until a full response is empty", async () => {
    const { sink, response, events } = await taken();
    response.isFull = true;
    sink.write(bytesOf("a"));
    sink.close();
    await settled();
    expect([response.isEnded, events.closed.mock.calls.length]).toEqual([false, 0]);
    response.drain();
    await settled();
    expect([response.isEnded, events.closed.mock.calls.length]).toEqual([true, 1]);
    expect(events.drained).not.toHaveBeenCalled();
  });

  test("a client that leaves is noticed once, and nothing is written any more", async () => {
    const { sink, response, events } = await taken();
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

  test("a cut is a cut, also of one that is held", async () => {
    const { sink, response, events } = await taken();
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

test("a response that is over without its body is the end of that", () => {
  const { sink, response, events } = open();
  expect(sink.write(bytesOf("to nobody"))).toBe(false);
  response.emit("close");
  expect(events.closed).toHaveBeenCalledTimes(1);
  expect(sink.write(bytesOf("more"))).toBe(false);
  sink.close();
  sink.destroy();
  expect(events.closed).toHaveBeenCalledTimes(1);
});

test("a response that is over already is so as soon as the sink is there", async () => {
  const response = new FakeResponse();
  response.destroyed = true;
  const events = { drained: vi.fn<() => void>(), closed: vi.fn<() => void>() };
  const sink = createFastPathSink(events, response);
  expect(events.closed).not.toHaveBeenCalled();
  await Promise.resolve();
  expect(events.closed).toHaveBeenCalledTimes(1);
  expect(sink.write(bytesOf("to nobody"))).toBe(false);
});

test("whenever it is taken, everything comes out once and in order", async () => {
  const anyStep = fc.oneof(
    { weight: 4, arbitrary: fc.constant("write" as const) },
    { weight: 2, arbitrary: fc.constant("wait" as const) },
    { weight: 1, arbitrary: fc.constant("full" as const) },
    { weight: 1, arbitrary: fc.constant("drain" as const) },
    { weight: 1, arbitrary: fc.constant("pass" as const) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { maxLength: 40 }), async (steps) => {
      const { sink, response } = open();
      let isPassed = false;
      let written = "";
      for (const step of [...steps, "pass" as const, "drain" as const, "wait" as const]) {
        if (step === "write") {
          const text = `${written.length} `;
          written += text;
          sink.write(bytesOf(text));
        } else if (step === "wait") await settled();
        else if (step === "full") response.isFull = true;
        else if (step === "drain") response.drain();
        else if (!isPassed) {
          isPassed = true;
          void pass(sink.body, response);
        }
      }
      sink.close();
      for (let turn = 0; turn < steps.length + 3; turn++) {
        response.drain();
        await settled();
      }
      expect(response.text).toBe(written);
      expect(response.isEnded).toBe(true);
    }),
    { numRuns: 300 },
  );
});
