import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { createWebSink, type WebSink } from "../../src/connection/web-sink.ts";

type Listener = ReturnType<typeof vi.fn<() => void>>;

function open(): { sink: WebSink; drained: Listener; closed: Listener } {
  const events = { drained: vi.fn<() => void>(), closed: vi.fn<() => void>() };
  return { sink: createWebSink(events), ...events };
}

const chunk = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes);
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("it holds as soon as one byte waits to be taken, and drains when that was taken", async () => {
  const { sink, drained } = open();
  await settled();
  drained.mockClear();
  expect(sink.write(chunk(1))).toBe(false);
  expect(sink.write(chunk(2))).toBe(false);
  await settled();
  expect(drained).not.toHaveBeenCalled();
  const reader = sink.body.getReader();
  await reader.read();
  await settled();
  expect(drained).not.toHaveBeenCalled();
  await reader.read();
  await settled();
  expect(drained).toHaveBeenCalledOnce();
});

test("what a waiting reader takes at once is not held", async () => {
  const { sink } = open();
  const read = sink.body.getReader().read();
  expect(sink.write(chunk(1))).toBe(true);
  expect(await read).toEqual({ done: false, value: chunk(1) });
});

test("it shares no memory with its reader, who may well transfer it: it gives copies, and is no byte stream", async () => {
  const { sink } = open();
  expect(() => sink.body.getReader({ mode: "byob" })).toThrow(TypeError);
  const memory = chunk(1, 2, 3, 4);
  const view = memory.subarray(1, 3);
  sink.write(view);
  const { value } = await sink.body.getReader().read();
  expect(value).toEqual(view);
  structuredClone(value, { transfer: [value?.buffer as ArrayBuffer] });
  expect(memory).toEqual(chunk(1, 2, 3, 4));
});

test("an end with nothing to flush is an end", async () => {
  const { sink, closed } = open();
  sink.close();
  expect(closed).toHaveBeenCalledOnce();
  expect(await sink.body.getReader().read()).toEqual({ done: true, value: undefined });
});

test("an end comes only at the pull after the last chunk, since nothing else says that it was flushed", async () => {
  const { sink, closed } = open();
  sink.write(chunk(1));
  sink.close();
  await settled();
  expect(closed).not.toHaveBeenCalled();
  const reader = sink.body.getReader();
  expect(await reader.read()).toEqual({ done: false, value: chunk(1) });
  await settled();
  expect(closed).toHaveBeenCalledOnce();
  expect(await reader.read()).toEqual({ done: true, value: undefined });
});

test("a destroyed response breaks off for the reader, whatever was still to come", async () => {
  const { sink, closed } = open();
  sink.write(chunk(1));
  const reason = new Error("zombie");
  sink.destroy(reason);
  expect(closed).toHaveBeenCalledOnce();
  await expect(sink.body.getReader().read()).rejects.toBe(reason);
});

test("a response that is destroyed without a reason, since nobody is there any more, ends without an error", async () => {
  const { sink, closed } = open();
  sink.write(chunk(1));
  sink.destroy();
  expect(closed).toHaveBeenCalledOnce();
  expect(sink.write(chunk(2))).toBe(false);
  await sink.body.cancel();
  expect(closed).toHaveBeenCalledOnce();
});

test("a cancelled body is over at once, even while its end waits to be flushed, and rejects nothing", async () => {
  for (const closing of [false, true]) {
    const { sink, closed } = open();
    sink.write(chunk(1));
    if (closing) sink.close();
    await sink.body.cancel("gone");
    expect(closed).toHaveBeenCalledOnce();
    expect(sink.write(chunk(2))).toBe(false);
  }
});

test("a write from within drained is taken like any other", async () => {
  const { sink, drained } = open();
  await settled();
  const answers: boolean[] = [];
  drained.mockImplementationOnce(() => answers.push(sink.write(chunk(2))));
  sink.write(chunk(1));
  const reader = sink.body.getReader();
  expect((await reader.read()).value).toEqual(chunk(1));
  expect((await reader.read()).value).toEqual(chunk(2));
  expect(answers).toEqual([false]);
});

type Step = "write" | "close" | "destroy" | "let go" | "read" | "cancel" | "wait";

test("in whatever order things happen: all that was written comes, in order, and closed exactly once", async () => {
  const anyStep = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom<Step>("write", "read", "wait") },
    fc.constantFrom<Step>("close", "destroy", "let go", "cancel"),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { maxLength: 20, size: "max" }), async (steps) => {
      const { sink, drained, closed } = open();
      const reader = sink.body.getReader();
      let written = 0;
      let asked = 0;
      const read: number[] = [];
      const broken: string[] = [];
      let held = false;
      let ending: "no" | "closing" | "cut" = "no";
      let reads = Promise.resolve();
      drained.mockImplementation(() => {
        if (held && asked < written) broken.push("drained while something waits to be taken");
        if (closed.mock.calls.length > 0) broken.push("drained after the end");
        held = false;
      });
      const readOne = (): void => {
        asked++;
        const one = reader.read().then(
          ({ value }) => void (value && read.push(...value)),
          () => undefined,
        );
        reads = reads.then(() => one);
      };

      for (const step of steps) {
        if (step === "write") {
          const more = sink.write(chunk(written));
          if (ending === "no") {
            written++;
            held = !more;
          } else {
            expect(more).toBe(false);
          }
        } else if (step === "read") {
          readOne();
        } else if (step === "wait") {
          await settled();
          if (ending === "no") expect(held).toBe(asked < written);
        } else if (step === "close") {
          sink.close();
          if (ending === "no") ending = "closing";
        } else {
          if (step === "destroy") sink.destroy("cut");
          else if (step === "let go") sink.destroy();
          else await reader.cancel("gone").catch(() => undefined);
          ending = "cut";
          expect(closed).toHaveBeenCalledOnce();
        }
      }

      expect(broken).toEqual([]);
      if (ending === "no") sink.close();
      for (let count = 0; count <= written; count++) readOne();
      await reads;
      await settled();
      expect(closed).toHaveBeenCalledOnce();
      expect(read).toEqual(Array.from({ length: read.length }, (_, index) => index));
      if (ending !== "cut") expect(read.length).toBe(written);
      const after = drained.mock.calls.length;
      sink.close();
      sink.destroy();
      expect(sink.write(chunk(0))).toBe(false);
      await settled();
      expect(closed).toHaveBeenCalledOnce();
      expect(drained).toHaveBeenCalledTimes(after);
    }),
    { numRuns: 500 },
  );
});
