import { expect, test } from "vitest";
import { isDuplicate } from "../../src/stream/cursor.ts";

const EPOCH = "k3v9x0q2ma";

test.each([
  [`${EPOCH}.4`, `${EPOCH}.5`, true],
  [`${EPOCH}.5`, `${EPOCH}.5`, true],
  [`${EPOCH}.6`, `${EPOCH}.5`, false],
  ["aaaaaaaaaa.4", `${EPOCH}.5`, false],
  ["4", "5", false],
  ["4", "4", false],
  [`${EPOCH}.4`, "", false],
  ["", "", false],
])("%j is a duplicate after %j: %j", (id, cursor, expected) => {
  expect(isDuplicate(id, cursor)).toBe(expected);
});
