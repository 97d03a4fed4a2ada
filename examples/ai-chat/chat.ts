import type { UIMessage } from "ai";

/** A message of a chat. */
export type ChatMessage = UIMessage<{
  /** Somebody has stopped it. */
  readonly isStopped?: boolean;
  /** It has failed, and is only what this page got of it: the server keeps no parts. */
  readonly isIncomplete?: boolean;
}>;

export type AnswerStatus = "writing" | "done" | "stopped" | "failed";

/** What the page loads: the messages that are whole or stopped, and how the last answer stands. */
export interface StoredChat {
  readonly messages: readonly ChatMessage[];
  readonly status: AnswerStatus;
  /** Why the last answer has failed. */
  readonly error?: string;
  readonly modelName: string;
}

/** What the model gave for a message. */
export interface Given {
  readonly message: string;
  readonly text: string;
  /** How often the model was called for it: once for each step. */
  readonly calls: number;
  /** How often it was asked for: more than once only if somebody tried again. */
  readonly questions: number;
}

/** The text of a message. */
export function textOf(message: ChatMessage): string {
  return message.parts.map((part) => (part.type === "text" ? part.text : "")).join("");
}
