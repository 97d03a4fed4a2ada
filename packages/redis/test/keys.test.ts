import fc from "fast-check";
import { expect, test } from "vitest";
import { batchKey, channelOf, keysOf } from "../src/keys.ts";

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

/** As Redis sees a name. */
const onTheWire = (name: string): string => Buffer.from(name).toString("hex");

test("no two ids have the same keys", () => {
  fc.assert(
    fc.property(valid, valid, (one, other) => {
      const same = onTheWire(keysOf("hf:", one).meta) === onTheWire(keysOf("hf:", other).meta);
      expect(same).toBe(one === other);
    }),
    { numRuns: 20_000 },
  );
});

test("all names of an id have the same hash tag, which is not empty", () => {
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

test("the channel is the key of the meta with another last letter, as the scripts make it", () => {
  fc.assert(
    fc.property(valid, (id) => {
      expect(channelOf("hf:", id)).toBe(keysOf("hf:", id).meta.replace(/m$/, "c"));
    }),
  );
});
