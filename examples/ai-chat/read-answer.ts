import type { UIMessageEvents } from "@holdfast/ai-sdk";
import { HoldfastError, type Registry } from "@holdfast/hono";
import { readUIMessageStream, type UIMessageChunk } from "ai";
import type { ChatMessage } from "./chat.ts";
import type { Answer } from "./chat-table.ts";

/** The message of an answer that is done or stopped, of what its readers got, if the stream has all of it. */
export async function readAnswer(
  chats: Registry<UIMessageEvents>,
  { chat, message: id }: Pick<Answer, "chat" | "message">,
  status: "done" | "stopped",
): Promise<ChatMessage | undefined> {
  const chunks: UIMessageChunk[] = [];
  try {
    for await (const { data } of chats.subscribe(chat)) chunks.push(JSON.parse(data) as UIMessageChunk);
  } catch (error) {
    if (!HoldfastError.is(error) || error.code !== "CANCELLED") throw error;
  }
  const [first] = chunks;
  if (first?.type !== "start" || first.messageId !== id) return undefined;
  if (status === "done" && chunks.at(-1)?.type !== "finish") return undefined;
  let last: ChatMessage | undefined;
  const stream = ReadableStream.from(chunks);
  for await (const message of readUIMessageStream<ChatMessage>({ stream, terminateOnError: true }))
    last = message;
  return last;
}
