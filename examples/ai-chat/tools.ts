import { tool, type ToolSet } from "ai";
import { z } from "zod";
import { countWords } from "./count-words.ts";

/** What the model of the chat may call. */
export const tools: ToolSet = {
  countWords: tool({
    description: "Counts the words and the characters of a text.",
    inputSchema: z.object({ text: z.string() }),
    execute: async ({ text }) => countWords(text),
  }),
};
