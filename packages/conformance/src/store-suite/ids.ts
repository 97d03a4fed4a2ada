import assert from "node:assert/strict";
import { type HarnessTest } from "./harness.ts";

/** Every one of them is a stream's id, and no two are the same stream. */
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

export function ids(test: HarnessTest): void {
  test("no id is too strange, and none is taken for another", async ({ produce, meta, texts }) => {
    for (const [index, id] of IDS.entries()) {
      const { append } = await produce(id);
      assert.equal((await append(1, [`frame of ${index}`])).code, "ok");
    }
    for (const [index, id] of IDS.entries()) {
      assert.deepEqual(await texts(id), [`frame of ${index}`]);
      assert.equal((await meta(id)).last, 1);
    }
  });

  test("a wake gives the id as it was asked for", async ({ store, produce, until }) => {
    const woken = new Set<string | undefined>();
    const wake = store.wake(IDS, (id) => void woken.add(id));
    const producers = await Promise.all(IDS.map((id) => produce(id)));
    let last = 0;
    await until(async () => {
      last++;
      await Promise.all(producers.map(({ append }) => append(last, ["f"])));
      return IDS.every((id) => woken.has(id));
    });
    wake.close();
    for (const id of woken) assert(id === undefined || IDS.includes(id));
  });
}
