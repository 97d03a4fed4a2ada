import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createWebSink, type WebSink } from "../../src/connection/web-sink.ts";

type Spy = ReturnType<typeof vi.fn<() => void>>;

function open(): { sink: WebSink; drained: Spy; closed: Spy } {
  const events = { drained: vi.fn<() => void>(), closed: vi.fn<() => void>() };
  return { sink: createWebSink(events), ...events };
}

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

/** The time that a cut leaves the client to read. */
const passCutDelay = (): void => void vi.advanceTimersByTime(100);

const chunk = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes);
const nextMacrotask = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("`write` returns false while a chunk waits to be read; `drained` follows when the reader asks for more", async () => {
  const { sink, drained } = open();
  await nextMacrotask();
  drained.mockClear();
  expect(sink.write(chunk(1))).toBe(false);
  expect(sink.write(chunk(2))).toBe(false);
  await nextMacrotask();
  expect(drained).not.toHaveBeenCalled();
  const reader = sink.body.getReader();
  await reader.read();
  await nextMacrotask();
  expect(drained).not.toHaveBeenCalled();
  await reader.read();
  void reader.read();
  await nextMacrotask();
  expect(drained).toHaveBeenCalledOnce();
});

test("`write` returns true when a reader already waits for the chunk", async () => {
  const { sink } = open();
  const read = sink.body.getReader().read();
  expect(sink.write(chunk(1))).toBe(true);
  expect(await read).toEqual({ done: false, value: chunk(1) });
});

test("it shares no memory with its reader, which may transfer it: chunks are copies, and it is not a byte stream", async () => {
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

test("with nothing to flush `close` ends the body at once", async () => {
  const { sink, closed } = open();
  sink.close();
  expect(closed).toHaveBeenCalledOnce();
  expect(await sink.body.getReader().read()).toEqual({ done: true, value: undefined });
});

test("`closed` comes no earlier if the last chunk was read before `close`", async () => {
  const { sink, closed } = open();
  const reader = sink.body.getReader();
  const read = reader.read();
  expect(sink.write(chunk(1))).toBe(true);
  await read;
  sink.close();
  await nextMacrotask();
  expect(closed).not.toHaveBeenCalled();
  expect(await reader.read()).toEqual({ done: true, value: undefined });
  expect(closed).toHaveBeenCalledOnce();
});

test("`closed` comes when the reader asks for more than the last chunk", async () => {
  const { sink, closed } = open();
  sink.write(chunk(1));
  sink.close();
  await nextMacrotask();
  expect(closed).not.toHaveBeenCalled();
  const reader = sink.body.getReader();
  expect(await reader.read()).toEqual({ done: false, value: chunk(1) });
  await nextMacrotask();
  expect(closed).not.toHaveBeenCalled();
  expect(await reader.read()).toEqual({ done: true, value: undefined });
  expect(closed).toHaveBeenCalledOnce();
});

test("`destroy` with a reason makes the reader fail, whatever was still unread", async () => {
  const { sink, closed } = open();
  sink.write(chunk(1));
  const reason = new Error("zombie");
  sink.destroy(reason);
  expect(closed).toHaveBeenCalledOnce();
  await expect(sink.body.getReader().read()).rejects.toBe(reason);
});

test("`destroy` without a reason ends the body without an error", async () => {
  const { sink, closed } = open();
  sink.write(chunk(1));
  sink.destroy();
  expect(closed).toHaveBeenCalledOnce();
  expect(sink.write(chunk(2))).toBe(false);
  await sink.body.cancel();
  expect(closed).toHaveBeenCalledOnce();
});

test("`cut` makes the reader fail a little after it has asked for more than the last chunk", async () => {
  const { sink, closed } = open();
  const reason = new Error("cut");
  sink.write(chunk(1));
  sink.cut(reason);
  expect(sink.write(chunk(2))).toBe(false);
  const reader = sink.body.getReader();
  const failed = vi.fn<(error: unknown) => void>();
  void reader.closed.catch(failed);
  expect(await reader.read()).toEqual({ done: false, value: chunk(1) });
  await nextMacrotask();
  passCutDelay();
  await nextMacrotask();
  // A server that waits for its client does not read: it would drop what it has not flushed.
  expect(failed).not.toHaveBeenCalled();
  expect(closed).not.toHaveBeenCalled();
  const next = reader.read();
  await nextMacrotask();
  expect(failed).not.toHaveBeenCalled();
  passCutDelay();
  await expect(next).rejects.toBe(reason);
  expect(failed).toHaveBeenCalledExactlyOnceWith(reason);
  expect(closed).toHaveBeenCalledOnce();
});

test("`cut` of a body whose reader waits makes it fail a little later", async () => {
  const { sink, closed } = open();
  const reader = sink.body.getReader();
  sink.write(chunk(1));
  expect(await reader.read()).toEqual({ done: false, value: chunk(1) });
  const next = reader.read();
  await nextMacrotask();
  sink.cut(new Error("cut"));
  sink.cut(new Error("again"));
  sink.close();
  expect(closed).not.toHaveBeenCalled();
  passCutDelay();
  await expect(next).rejects.toThrow("cut");
  expect(closed).toHaveBeenCalledOnce();
});

test("`cut`, then `destroy`: the reader fails at once", async () => {
  const { sink, closed } = open();
  sink.write(chunk(1));
  sink.cut(new Error("cut"));
  sink.destroy(new Error("zombie"));
  expect(closed).toHaveBeenCalledOnce();
  await expect(sink.body.getReader().read()).rejects.toThrow("zombie");
  passCutDelay();
  expect(closed).toHaveBeenCalledOnce();
});

test("a cancelled body is over at once, also while its end is not flushed yet", async () => {
  for (const closing of [false, true]) {
    const { sink, closed } = open();
    sink.write(chunk(1));
    if (closing) sink.close();
    await sink.body.cancel("gone");
    expect(closed).toHaveBeenCalledOnce();
    expect(sink.write(chunk(2))).toBe(false);
  }
});

test("`drained` may call `write`", async () => {
  const { sink, drained } = open();
  await nextMacrotask();
  const results: boolean[] = [];
  drained.mockImplementationOnce(() => results.push(sink.write(chunk(2))));
  sink.write(chunk(1));
  const reader = sink.body.getReader();
  expect((await reader.read()).value).toEqual(chunk(1));
  expect((await reader.read()).value).toEqual(chunk(2));
  expect(results).toEqual([true]);
});

type Step = "write" | "close" | "cut" | "destroy" | "destroy without a reason" | "read" | "cancel" | "wait";

test("in any order of calls everything written is read, in order, and `closed` comes exactly once", async () => {
  const anyStep = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom<Step>("write", "read", "wait") },
    fc.constantFrom<Step>("close", "cut", "destroy", "destroy without a reason", "cancel"),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { maxLength: 20, size: "max" }), async (steps) => {
      const { sink, drained, closed } = open();
      const reader = sink.body.getReader();
      let written = 0;
      let requested = 0;
      const read: number[] = [];
      const mistakes: string[] = [];
      let paused = false;
      /** Whether the last chunk had to wait for a read. */
      let waited = false;
      let ending: "no" | "closing" | "cutting" | "destroyed" = "no";
      let reads = Promise.resolve();
      drained.mockImplementation(() => {
        if (paused && requested <= written) mistakes.push("drained before the reader asked for more");
        if (closed.mock.calls.length > 0) mistakes.push("drained after the end");
        paused = false;
      });
      const readOne = (): void => {
        requested++;
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
            paused = waited = !more;
          } else {
            expect(more).toBe(false);
          }
        } else if (step === "read") {
          readOne();
        } else if (step === "wait") {
          await nextMacrotask();
          if (ending === "no") expect(paused).toBe(waited && requested <= written);
        } else if (step === "close") {
          sink.close();
          if (ending === "no") ending = "closing";
        } else if (step === "cut") {
          sink.cut("cut");
          if (ending === "no") ending = "cutting";
        } else {
          if (step === "destroy") sink.destroy("cut");
          else if (step === "destroy without a reason") sink.destroy();
          else await reader.cancel("gone").catch(() => undefined);
          ending = "destroyed";
          expect(closed).toHaveBeenCalledOnce();
        }
      }

      expect(mistakes).toEqual([]);
      if (ending === "no") sink.close();
      for (let count = 0; count <= written; count++) readOne();
      await nextMacrotask();
      passCutDelay();
      await reads;
      await nextMacrotask();
      expect(closed).toHaveBeenCalledOnce();
      expect(read).toEqual(Array.from({ length: read.length }, (_, index) => index));
      if (ending !== "destroyed") expect(read.length).toBe(written);
      const after = drained.mock.calls.length;
      sink.close();
      sink.destroy();
      expect(sink.write(chunk(0))).toBe(false);
      await nextMacrotask();
      expect(closed).toHaveBeenCalledOnce();
      expect(drained).toHaveBeenCalledTimes(after);
    }),
    { numRuns: 500 },
  );
});
