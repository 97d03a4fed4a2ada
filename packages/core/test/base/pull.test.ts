import { expect, test, vi } from "vitest";
import { abortedError } from "../../src/base/errors.ts";
import { isPullable, type Pullable, pull } from "../../src/base/pull.ts";
import { collectGarbage } from "../support/garbage.ts";

const forever = new Promise<never>(() => undefined);
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const unheard = (error: unknown): void => {
  throw error;
};

async function* list<T>(...items: T[]): AsyncGenerator<T> {
  yield* items;
}

/** A source whose every step the test decides. */
function controlled(): {
  source: AsyncIterable<string>;
  answer: PromiseWithResolvers<IteratorResult<string>>;
  returned: ReturnType<typeof vi.fn<() => Promise<IteratorResult<string>>>>;
} {
  const answer = Promise.withResolvers<IteratorResult<string>>();
  const returned = vi.fn<() => Promise<IteratorResult<string>>>(() =>
    Promise.resolve({ done: true, value: undefined }),
  );
  return {
    source: { [Symbol.asyncIterator]: () => ({ next: () => answer.promise, return: returned }) },
    answer,
    returned,
  };
}

test("iterables and web streams can be pulled, and nothing else", () => {
  for (const source of [list(), new ReadableStream(), { [Symbol.asyncIterator]: () => list() }]) {
    expect(isPullable(source)).toBe(true);
  }
  for (const source of [undefined, null, "text", 5, [], {}, () => list(), new Response().body]) {
    expect(isPullable(source)).toBe(false);
  }
});

test.each<[string, () => Pullable<number>]>([
  ["a generator", () => list(1, 2, 3)],
  ["a web stream", () => ReadableStream.from([1, 2, 3])],
])("%s gives its items one by one, then nothing, again and again", async (_, source) => {
  const run = pull(source(), unheard);
  const items = [];
  for (let count = 0; count < 5; count++) items.push((await run.next())?.value);
  expect(items).toEqual([1, 2, 3, undefined, undefined]);
});

test("an item of undefined is an item", async () => {
  const run = pull(list(undefined), unheard);
  expect(await run.next()).toEqual({ value: undefined });
  expect(await run.next()).toBeUndefined();
});

test("nothing is pulled before it is asked for", async () => {
  const begun = vi.fn<() => void>();
  const run = pull(
    (async function* () {
      begun();
      yield 1;
    })(),
    unheard,
  );
  await settled();
  expect(begun).not.toHaveBeenCalled();
  await run.next();
  expect(begun).toHaveBeenCalledOnce();
});

test("a quiet generator is let go at once, and is finalised as soon as it wakes", async () => {
  const { promise: woken, resolve: wake } = Promise.withResolvers<void>();
  const finalised = vi.fn<() => void>();
  const run = pull(
    (async function* () {
      try {
        await woken;
        yield 1;
      } finally {
        finalised();
      }
    })(),
    unheard,
  );
  const next = run.next();
  run.release();
  expect(await next).toBeUndefined();
  expect(await run.next()).toBeUndefined();
  expect(finalised).not.toHaveBeenCalled();
  wake();
  await settled();
  expect(finalised).toHaveBeenCalledOnce();
});

test("a quiet web stream is let go at once, and is cancelled with the reason", async () => {
  const cancel = vi.fn<(reason: unknown) => void>();
  const run = pull(new ReadableStream({ pull: () => forever, cancel }), unheard);
  const next = run.next();
  run.release("gone");
  expect(await next).toBeUndefined();
  await settled();
  expect(cancel.mock.calls).toEqual([["gone"]]);
});

test("a source is told once, however often it is let go, and not inside the call", async () => {
  const { source, returned } = controlled();
  const run = pull(source, unheard);
  run.release();
  run.release();
  expect(returned).not.toHaveBeenCalled();
  await settled();
  expect(returned).toHaveBeenCalledOnce();
});

test("a reason that is a promise changes nothing", async () => {
  const { source, returned } = controlled();
  pull(source, unheard).release(forever);
  await settled();
  expect(returned).toHaveBeenCalledOnce();
});

test("a source that has ended or thrown is not told to", async () => {
  const ended = controlled();
  ended.answer.resolve({ done: true, value: undefined });
  const endedRun = pull(ended.source, unheard);
  await endedRun.next();
  endedRun.release();
  const thrown = controlled();
  thrown.answer.reject(new Error("no"));
  const thrownRun = pull(thrown.source, unheard);
  await thrownRun.next().catch(() => undefined);
  thrownRun.release();
  await settled();
  expect(ended.returned).not.toHaveBeenCalled();
  expect(thrown.returned).not.toHaveBeenCalled();
});

const failure = new Error("no");

test.each<[string, () => Pullable<never>]>([
  [
    "a generator",
    async function* () {
      yield await Promise.reject<never>(failure);
    },
  ],
  ["a web stream", () => new ReadableStream({ pull: () => Promise.reject(failure) })],
  [
    "an iterator that throws before it gives a promise",
    () => ({
      [Symbol.asyncIterator]: () => ({
        next() {
          throw failure;
        },
      }),
    }),
  ],
])("what %s throws is thrown to the one who pulls, and then it is over", async (_, source) => {
  const run = pull(source(), unheard);
  await expect(run.next()).rejects.toBe(failure);
  expect(await run.next()).toBeUndefined();
});

test("an item that comes too late goes nowhere", async () => {
  const { source, answer } = controlled();
  const onError = vi.fn<(error: unknown) => void>();
  const run = pull(source, onError);
  const next = run.next();
  run.release();
  answer.resolve({ done: false, value: "late" });
  expect(await next).toBeUndefined();
  expect(await run.next()).toBeUndefined();
  expect(onError).not.toHaveBeenCalled();
});

test("what a source throws after it was let go is told to onError", async () => {
  const { source, answer } = controlled();
  const onError = vi.fn<(error: unknown) => void>();
  const run = pull(source, onError);
  void run.next();
  run.release("gone");
  answer.reject(failure);
  await settled();
  expect(onError.mock.calls).toEqual([[failure]]);
});

test.each<[string, () => Pullable<never>]>([
  ["web stream", () => new ReadableStream({ cancel: () => Promise.reject(failure) })],
  [
    "iterator",
    () => ({
      [Symbol.asyncIterator]: () => ({ next: () => forever, return: () => Promise.reject(failure) }),
    }),
  ],
  [
    "synchronous mistake",
    () => ({
      [Symbol.asyncIterator]: () => ({
        next: () => forever,
        return() {
          throw failure;
        },
      }),
    }),
  ],
])("a clean-up that fails is told to onError: %s", async (_, source) => {
  const onError = vi.fn<(error: unknown) => void>();
  pull(source(), onError).release();
  await settled();
  expect(onError.mock.calls).toEqual([[failure]]);
});

test("a source that only says that it was aborted has said nothing new", async () => {
  const reason = new Error("client left");
  for (const error of [reason, abortedError(), new DOMException("aborted", "AbortError")]) {
    const { source, answer } = controlled();
    const run = pull(source, unheard);
    void run.next();
    run.release(reason);
    answer.reject(error);
  }
  await settled();
  expect.assertions(0);
});

test("an iterator without return can be let go", async () => {
  const run = pull({ [Symbol.asyncIterator]: () => ({ next: () => forever }) }, unheard);
  const next = run.next();
  run.release();
  expect(await next).toBeUndefined();
});

test("a long run keeps nothing of what has gone through it", async () => {
  const references: WeakRef<object>[] = [];
  const run = pull(
    (async function* () {
      for (;;) {
        const item = {};
        references.push(new WeakRef(item));
        yield item;
      }
    })(),
    unheard,
  );
  for (let count = 0; count < 100; count++) await run.next();
  const kept = (): number => references.filter((reference) => reference.deref() !== undefined).length;
  // On a busy machine the first collection may come while the last items are still on the stack.
  for (let attempt = 0; attempt < 20 && kept() > 1; attempt++) await collectGarbage();
  expect(kept()).toBeLessThanOrEqual(1);
  run.release();
});
