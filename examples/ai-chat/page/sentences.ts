/** The whole sentences of a text behind a position, and the position behind them. The last one may still grow. */
export function sentencesFrom(
  text: string,
  from: number,
  isEnd: boolean,
): { sentences: string[]; end: number } {
  const sentences: string[] = [];
  let end = from;
  const all = [...new Intl.Segmenter("en", { granularity: "sentence" }).segment(text.slice(from))];
  for (const [index, { segment }] of all.entries()) {
    if (index === all.length - 1 && !isEnd) break;
    end += segment.length;
    if (segment.trim() !== "") sentences.push(segment.trim());
  }
  return { sentences, end };
}
