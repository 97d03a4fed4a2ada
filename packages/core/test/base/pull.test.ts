import { expect, test, vi } from "vitest";
import { abortedError } from "../../src/base/errors.ts";
import { isPullable, type Pullable, pull } from "../../src/base/pull.ts";
import { collectGarbage } from "../support/garbage.ts";

const never = new Promise<never>(() => undefined);
const nextMacrotask = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const unexpected = (error: unknown): void => {
  throw error;
};

async function* list<T>(...items: T[]): AsyncGenerator<T> {
  yield* items;
}

/** A source whose only result the test decides. */
function controlled(): {
  source: AsyncIterable<string>;
  result: PromiseWithResolvers<IteratorResult<string>>;
  returned: ReturnType<typeof vi.fn<() => Promise<IteratorResult<string>>>>;
} {
  const result = Promise.withResolvers<IteratorResult<string>>();
  const returned = vi.fn<() => Promise<IteratorResult<string>>>(() =>
    Promise.resolve({ done: true, value: undefined }),
  );
  return {
    source: { [Symbol.asyncIterator]: () => ({ next: () => result.promise, return: returned }) },
    result,
    returned,
  };
}

test("async iterables and web streams are pullable, and nothing else is", () => {
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
])("%s yields its items one by one, and then undefined for every call", async (_, source) => {
  const run = pull(source(), unexpected);
  const items = [];
  for (let count = 0; count < 5; count++) items.push((await run.next())?.value);
  expect(items).toEqual([1, 2, 3, undefined, undefined]);
});

test("undefined can be an item", async () => {
  const run = pull(list(undefined), unexpected);
  expect(await run.next()).toEqual({ value: undefined });
  expect(await run.next()).toBeUndefined();
});

test("the source is not started before the first `next`", async () => {
  const started = vi.fn<() => void>();
  const run = pull(
    (async function* () {
      started();
      yield 1;
    })(),
    unexpected,
  );
  await nextMacrotask();
  expect(started).not.toHaveBeenCalled();
  await run.next();
  expect(started).toHaveBeenCalledOnce();
});

test("a generator is released at once while it waits, and its finally block runs when it continues", async () => {
  const { promise: waiting, resolve: goOn } = Promise.withResolvers<void>();
  const finished = vi.fn<() => void>();
  const run = pull(
    (async function* () {
      try {
        await waiting;
        yield 1;
      } finally {
        finished();
      }
    })(),
    unexpected,
  );
  const next = run.next();
  run.release();
  expect(await next).toBeUndefined();
  expect(await run.next()).toBeUndefined();
  expect(finished).not.toHaveBeenCalled();
  goOn();
  await nextMacrotask();
  expect(finished).toHaveBeenCalledOnce();
});

test("a web stream is released at once while it waits, and cancelled with the reason", async () => {
  const cancel = vi.fn<(reason: unknown) => void>();
  const run = pull(new ReadableStream({ pull: () => never, cancel }), unexpected);
  const next = run.next();
  run.release("gone");
  expect(await next).toBeUndefined();
  await nextMacrotask();
  expect(cancel.mock.calls).toEqual([["gone"]]);
});

test("`return` is called once, however often the source is released, and not within `release`", async () => {
  const { source, returned } = controlled();
  const run = pull(source, unexpected);
  run.release();
  run.release();
  expect(returned).not.toHaveBeenCalled();
  await nextMacrotask();
  expect(returned).toHaveBeenCalledOnce();
});

test("a reason that is a promise is not awaited", async () => {
  const { source, returned } = controlled();
  pull(source, unexpected).release(never);
  await nextMacrotask();
  expect(returned).toHaveBeenCalledOnce();
});

test("`return` is not called on a source that has ended or thrown", async () => {
  const ended = controlled();
  ended.result.resolve({ done: true, value: undefined });
  const endedRun = pull(ended.source, unexpected);
  await endedRun.next();
  endedRun.release();
  const thrown = controlled();
  thrown.result.reject(new Error("no"));
  const thrownRun = pull(thrown.source, unexpected);
  await thrownRun.next().catch(() => undefined);
  thrownRun.release();
  await nextMacrotask();
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
    "an iterator whose `next` throws synchronously",
    () => ({
      [Symbol.asyncIterator]: () => ({
        next() {
          throw failure;
        },
      }),
    }),
  ],
])("`next` rejects with what %s throws, and then returns undefined", async (_, source) => {
  const run = pull(source(), unexpected);
  await expect(run.next()).rejects.toBe(failure);
  expect(await run.next()).toBeUndefined();
});

test("an item that arrives after the release is dropped", async () => {
  const { source, result } = controlled();
  const onError = vi.fn<(error: unknown) => void>();
  const run = pull(source, onError);
  const next = run.next();
  run.release();
  result.resolve({ done: false, value: "late" });
  expect(await next).toBeUndefined();
  expect(await run.next()).toBeUndefined();
  expect(onError).not.toHaveBeenCalled();
});

test("onError gets what a source throws after its release", async () => {
  const { source, result } = controlled();
  const onError = vi.fn<(error: unknown, isCleanup: boolean) => void>();
  const run = pull(source, onError);
  void run.next();
  run.release("gone");
  result.reject(failure);
  await nextMacrotask();
  expect(onError.mock.calls).toEqual([[failure, false]]);
});

test.each<[string, () => Pullable<never>]>([
  ["web stream", () => new ReadableStream({ cancel: () => Promise.reject(failure) })],
  [
    "iterator",
    () => ({
      [Symbol.asyncIterator]: () => ({ next: () => never, return: () => Promise.reject(failure) }),
    }),
  ],
  [
    "`return` that throws synchronously",
    () => ({
      [Symbol.asyncIterator]: () => ({
        next: () => never,
        return() {
          throw failure;
        },
      }),
    }),
  ],
])("onError gets the failure of a clean-up: %s", async (_, source) => {
  const onError = vi.fn<(error: unknown, isCleanup: boolean) => void>();
  pull(source(), onError).release();
  await nextMacrotask();
  expect(onError.mock.calls).toEqual([[failure, true]]);
});

test("onError does not get an error that only says that the source was aborted", async () => {
  const reason = new Error("client left");
  for (const error of [reason, abortedError(), new DOMException("aborted", "AbortError")]) {
    const { source, result } = controlled();
    const run = pull(source, unexpected);
    void run.next();
    run.release(reason);
    result.reject(error);
  }
  await nextMacrotask();
  expect.assertions(0);
});

test("an iterator without `return` can be released", async () => {
  const run = pull({ [Symbol.asyncIterator]: () => ({ next: () => never }) }, unexpected);
  const next = run.next();
  run.release();
  expect(await next).toBeUndefined();
});

test("items can be garbage collected while the source is still read", async () => {
  const references: WeakRef<object>[] = [];
  const run = pull(
    (async function* () {
      for (;;) {
        const item = {};
        references.push(new WeakRef(item));
        yield item;
      }
    })(),
    unexpected,
  );
  for (let count = 0; count < 100; count++) await run.next();
  const kept = (): number => references.filter((reference) => reference.deref() !== undefined).length;
  // On a busy machine the first collection may come while the last items are still on the stack.
  for (let attempt = 0; attempt < 20 && kept() > 1; attempt++) await collectGarbage();
  expect(kept()).toBeLessThanOrEqual(1);
  run.release();
});
