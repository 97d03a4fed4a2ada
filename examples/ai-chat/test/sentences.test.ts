import { expect, test } from "vitest";
import { sentencesFrom } from "../page/sentences.ts";

test("a sentence is read when the next one has begun, or when the text is over", () => {
  const text = "One. Two is longer. Thr";
  const first = sentencesFrom(text, 0, false);
  expect(first.sentences).toEqual(["One.", "Two is longer."]);
  expect(sentencesFrom(text, first.end, false)).toEqual({ sentences: [], end: first.end });
  const rest = sentencesFrom(`${text}ee`, first.end, true);
  expect(rest.sentences).toEqual(["Three"]);
  expect(sentencesFrom(`${text}ee`, rest.end, true).sentences).toEqual([]);
});
