import fc from "fast-check";
import { expect, test } from "vitest";
import { isStreamId, makeEpoch, makeId, makeTerminalId, parseId } from "../../src/protocol/event-id.ts";
import { anyText } from "../support/text.ts";

const anyRandom = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const anyEpoch = fc
  .array(anyRandom, { minLength: 10, maxLength: 10 })
  .map((numbers) => makeEpoch(() => numbers.pop() as number));
const anySeq = fc.oneof(fc.nat({ max: 20 }), fc.maxSafeNat());

test("an epoch is ten base-36 characters, one for each random number", () => {
  fc.assert(
    fc.property(anyEpoch, (epoch) => {
      expect(epoch).toMatch(/^[0-9a-z]{10}$/);
    }),
  );
  const numbers = [0, 0.3, 1 - Number.EPSILON, 0, 0, 0, 0, 0, 0, 0.999];
  expect(makeEpoch(() => numbers.shift() as number)).toBe("0az000000z");
});

test("an id is parsed as it was made, and has at most 32 characters", () => {
  fc.assert(
    fc.property(anyEpoch, anySeq, (epoch, seq) => {
      const [id, terminal] = [makeId(epoch, seq), makeTerminalId(epoch, seq)];
      expect(parseId(id)).toEqual({ epoch, seq, end: false });
      expect(parseId(terminal)).toEqual({ epoch, seq, end: true });
      expect(terminal).toMatch(/^[0-9a-z.]{1,32}$/);
    }),
  );
});

const anyAlmostId = fc
  .tuple(
    fc.string({ unit: fc.constantFrom("0", "9", "a", "z", "A", "Z", "_", "é"), minLength: 9, maxLength: 11 }),
    fc.constantFrom(".", "..", "", "-"),
    fc.oneof(
      anySeq.map(String),
      fc.constantFrom(
        "",
        "00",
        "01",
        "-1",
        "+1",
        "1e3",
        "1.5",
        "0x1",
        " 1",
        "9007199254740992",
        "9".repeat(20),
      ),
    ),
    fc.constantFrom("", ".end", ".END", ".", ".end.end", "\n", " ", "\0"),
  )
  .map((parts) => parts.join(""));

test("only text that makeId or makeTerminalId returns is parsed", () => {
  fc.assert(
    fc.property(fc.oneof(anyAlmostId, anyText, fc.string()), (text) => {
      const id = parseId(text);
      if (id === undefined) return;
      const { epoch, seq, end } = id;
      expect(end ? makeTerminalId(epoch, seq) : makeId(epoch, seq)).toBe(text);
      expect(epoch).toMatch(/^[0-9a-z]{10}$/);
      expect(Number.isSafeInteger(seq)).toBe(true);
    }),
    { numRuns: 1_000 },
  );
});

test.each([
  "",
  "abcdefghij",
  "abcdefghij.",
  "abcdefghij.01",
  "abcdefghij.-1",
  "abcdefghij.1 ",
  "abcdefghij.1\n",
  "abcdefghij.1.END",
  "abcdefghij.1.end.end",
  "ABCDEFGHIJ.1",
  "abcdefghi.1",
  "abcdefghijk.1",
  "abcdefghij.9007199254740992",
  "１bcdefghij.1",
])("%j is not an id", (text) => {
  expect(parseId(text)).toBeUndefined();
});

test.each(["a", "x".repeat(256), "rooms/lobby", "../../..", "日本語", "a b", " "])(
  "%j can be the id of a stream",
  (id) => {
    expect(isStreamId(id)).toBe(true);
  },
);

test.each(["", "x".repeat(257), "a\nb", "a\r", "\0", "\t", "\u007f", "\u0085", 5, null, undefined, ["a"]])(
  "%j cannot be the id of a stream",
  (id) => {
    expect(isStreamId(id)).toBe(false);
  },
);
