export interface WordCount {
  readonly words: number;
  readonly characters: number;
}

/** What the tool of the chat does, which language models are bad at. */
export function countWords(text: string): WordCount {
  return { words: text.match(/\S+/g)?.length ?? 0, characters: Array.from(text).length };
}
