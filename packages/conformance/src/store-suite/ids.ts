import assert from "node:assert/strict";
import { HoldfastError } from "@holdfast/core";
import { EVERYTHING, producer, STREAM, type StoreTest } from "./store-test.ts";

/** Valid ids, all different. Many contain characters with a meaning in keys, patterns or encodings. */
const IDS: readonly string[] = [
  "{",
  "}",
  "{}",
  "{a}",
  "}a{",
  "a{b}c",
  "a{b}{c}",
  "{a}:m",
  "a:m",
  "a",
  "%",
  "%25",
  "%7b",
  "%7B",
  "%257b",
  "%d800",
  "\ud800",
  "\udfff",
  "\ud83d",
  "💥",
  "ünï/côde",
  "u\u0308",
  "ü",
  " ",
  "a b",
  "*",
  "[a-z]?",
  "..",
  "__proto__",
  "constructor",
  "x".repeat(256),
  `${"x".repeat(255)}y`,
  "💥".repeat(128),
  "{".repeat(256),
];

/** No stream can have these ids. */
const IMPOSSIBLE_IDS: readonly string[] = ["", "x".repeat(257), "a\nb", "\0", "\u007f", "\u0085"];

export function testIds(test: StoreTest): void {
  test("every valid id MUST work, and different ids MUST be different streams", async ({
    openProducer,
    meta,
    texts,
  }) => {
    for (const [index, id] of IDS.entries()) {
      const { append } = await openProducer(id);
      assert.equal((await append(1, [`frame of ${index}`])).code, "ok");
    }
    for (const [index, id] of IDS.entries()) {
      assert.deepEqual(await texts(id), [`frame of ${index}`]);
      assert.equal((await meta(id)).last, 1);
    }
  });

  test("wake MUST call back with the id as its caller wrote it", async ({ store, openProducer, until }) => {
    const hinted = new Set<string | undefined>();
    const wake = store.wake(IDS, (id) => void hinted.add(id));
    const producers = await Promise.all(IDS.map((id) => openProducer(id)));
    let last = 0;
    await until(async () => {
      last++;
      await Promise.all(producers.map(({ append }) => append(last, ["f"])));
      return IDS.every((id) => hinted.has(id));
    });
    wake.close();
    for (const id of hinted) assert(id === undefined || IDS.includes(id));
  });

  test("every call MUST reject an impossible id with `INVALID_OPTION`, and stay healthy", async ({
    store,
    meta,
  }) => {
    await store.open("job", STREAM);
    const off = store.health(() => assert.fail("The health has changed."));
    const isInvalid = (error: unknown): boolean =>
      HoldfastError.is(error) && error.code === "INVALID_OPTION" && !error.retryable;
    for (const id of IMPOSSIBLE_IDS) {
      const calls: (() => Promise<unknown>)[] = [
        () => store.open(id, STREAM),
        () => producer(store, id, { epoch: STREAM.epoch, fence: 1 }).append(1, ["f1"]),
        () => store.read(id, null, EVERYTHING),
        () => store.cancel(id, "user"),
        () => store.lost(id, 1, { status: "lost" }),
        () => store.delete(id),
      ];
      for (const call of calls) await assert.rejects(call, isInvalid);
      const wake = store.wake([], () => undefined);
      assert.throws(() => wake.add(id), isInvalid);
      wake.delete(id);
      wake.close();
      assert.throws(() => store.wake(["job", id], () => undefined), isInvalid);
    }
    assert.equal((await meta("job")).last, 0);
    off();
  });
}
