const SENTENCES = [
  "What is known about {} is less than one would like, and more than one can read.",
  "Those who work with {} every day say that the beginning is the hardest part.",
  "There were three opinions on {}, and two of them have been given up since.",
  "Nobody has measured {} twice and found the same figure.",
  "It follows that {} deserves a report of its own, which is this one.",
];

/** What this model writes. A real one would write something else each time. */
export function textOfChapter(topic: string, number: number): string {
  const sentences = [0, 1, 2].map((offset) => SENTENCES[(number + offset) % SENTENCES.length] as string);
  return sentences.join(" ").replaceAll("{}", topic);
}
