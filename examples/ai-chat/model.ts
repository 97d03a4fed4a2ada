import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import type { LanguageModelV4 } from "@ai-sdk/provider";
import { mockModel } from "./mock-model.ts";

export interface ChosenModel {
  readonly model: LanguageModelV4;
  /** What the page calls it. */
  readonly modelName: string;
}

/**
 * The model that the environment names with `OPENAI_MODEL`, at any endpoint that is compatible with OpenAI's; otherwise the
 * mock model.
 */
export function chooseModel(env: Readonly<Record<string, string | undefined>>): ChosenModel {
  const { OPENAI_MODEL: name, OPENAI_API_KEY: apiKey, TOKEN_DELAY: delay = "40" } = env;
  if (!name) return { model: mockModel(Number(delay)), modelName: "mock model" };
  const baseURL = env["OPENAI_BASE_URL"] || "https://api.openai.com/v1";
  const provider = createOpenAICompatible({ name: "openai", baseURL, ...(apiKey && { apiKey }) });
  return { model: provider(name), modelName: name };
}
