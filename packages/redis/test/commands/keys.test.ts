import fc from "fast-check";
import { expect, test } from "vitest";
import { batchKey, channelOf, keysOf } from "../../src/commands/keys.ts";

const ids = fc.oneof(
  fc.string({ unit: "binary", minLength: 1, maxLength: 20 }),
  fc.string({
    unit: fc.constantFrom("{", "}", "%", "2", "5", "7", "b", "d", "8", "0", ":", "m"),
    minLength: 1,
    maxLength: 8,
  }),
  fc
    .array(fc.integer({ min: 0x20, max: 0xffff }), { minLength: 1, maxLength: 6 })
    .map((units) => String.fromCharCode(...units)),
);
const valid = ids.filter((id) => !/\p{Cc}/u.test(id) && id.length <= 256);

/** The bytes of a name, as Redis compares them. */
const bytesOf = (name: string): string => Buffer.from(name).toString("hex");

test("different ids have different keys", () => {
  fc.assert(
    fc.property(valid, valid, (one, other) => {
      const same = bytesOf(keysOf("hf:", one).meta) === bytesOf(keysOf("hf:", other).meta);
      expect(same).toBe(one === other);
    }),
    { numRuns: 20_000 },
  );
});

test("all names of an id have the same, non-empty hash tag", () => {
  const tag = (name: string): string | undefined => /^[^{]*\{([^}]+)\}/.exec(name)?.[1];
  fc.assert(
    fc.property(valid, fc.string(), (id, producer) => {
      const { meta, frames } = keysOf("hf:", id);
      const tags = [meta, frames, channelOf("hf:", id), batchKey("hf:", id, producer)].map(tag);
      expect(tags[0]).toBeDefined();
      expect(new Set(tags).size).toBe(1);
    }),
  );
});

test("the channel is the key of the meta with its last letter replaced, as in the scripts", () => {
  fc.assert(
    fc.property(valid, (id) => {
      expect(channelOf("hf:", id)).toBe(keysOf("hf:", id).meta.replace(/m$/, "c"));
    }),
  );
});
