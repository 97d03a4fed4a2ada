import { countWords } from "./count-words.ts";

/** What the mock model answers: two texts, and between them a call of the tool that counts words. */
export interface MockAnswer {
  readonly before: string;
  readonly after: string;
  /** Whether the model fails in the middle of the second text. */
  readonly fails: boolean;
}

/** The answer to a question, which depends on nothing else. */
export function mockAnswer(question: string): MockAnswer {
  const { words, characters } = countWords(question);
  const first = hash(question) % PARAGRAPHS.length;
  const paragraphs = Array.from(
    { length: 3 },
    (_, index) => PARAGRAPHS[(first + index * 2) % PARAGRAPHS.length] as string,
  );
  return {
    before: "Let me look at your question first.",
    after: [
      `It has ${plural(words, "word")} and ${plural(characters, "character")}. I am a mock model, so I answer with what I know by heart:`,
      ...paragraphs,
      "Whatever happens to this page or to its connection, this sentence is the last one.",
    ].join("\n\n"),
    fails: /\bfail\b/i.test(question),
  };
}

/** The text of the whole answer. */
export function mockText(question: string): string {
  const { before, after } = mockAnswer(question);
  return before + after;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const character of text) value = Math.imul(value ^ (character.codePointAt(0) as number), 0x01000193);
  return value >>> 0;
}

const PARAGRAPHS = [
  "A holdfast is the part of a kelp that grips the rock. It looks like a root, but it does not feed the plant: it only has to hold. In a storm the blades are torn and the stalk bends flat, and in the morning the kelp stands where it stood.",
  "Lighthouse keepers wrote down every ship that passed. When a lamp failed at night, the log showed the next morning which ships had seen it and which had not, so nobody had to guess.",
  "The first transatlantic cable worked for three weeks. Operators repeated each word until the other side had confirmed it, and a greeting of 98 words took sixteen hours. It was slow, but it arrived whole.",
  "Mountain climbers tie themselves to an anchor before they do anything else. The anchor is boring work: two bolts, a sling, a knot that everybody knows. Nobody remembers it, unless it was missing.",
  "A letter in a bottle has no sequence number. Whoever finds the second page cannot know that there was a first one, and will read it as if it began there. “Café, 8 o’clock 🌊” is not much of a message.",
  "Bookbinders number the sheets before they fold them. If one is missing, the book stops at the bindery. It is never sold as a shorter book.",
  "Herring gulls return to the same ledge each year. They leave for months, cross open water, lose sight of land, and go on from where they were as if there had been no winter.",
];
