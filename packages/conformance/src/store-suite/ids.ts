import assert from "node:assert/strict";
import type { StoreTest } from "./store-test.ts";

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
}
