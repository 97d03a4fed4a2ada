import { createChatTransport } from "@holdfast/ai-sdk";
import type { ChatMessage, Given, StoredChat } from "../chat.ts";
import { network } from "./network.ts";

/** How the chats read their answers. Its connections can be cut by the page. */
export const transport = createChatTransport<ChatMessage>({
  api: "/api/chat",
  fetch: network.fetch,
  // The server has the messages before it.
  prepareSendMessagesRequest({ id, messages, trigger }) {
    const questions = messages.filter(({ role }) => role === "user");
    // So that it sees whether another tab has gone on.
    const known = questions.slice(-20).map((question) => question.id);
    return { body: { id, trigger, message: questions.at(-1), known } };
  },
});

/** The chat as the server has kept it; waits for a server that is being restarted. */
export function loadChat(id: string, signal?: AbortSignal): Promise<StoredChat> {
  return load(`/api/chat/${encodeURIComponent(id)}`, signal);
}

/** What the model gave for the messages of a chat. */
export function loadGiven(id: string, signal?: AbortSignal): Promise<Given[]> {
  return load(`/api/chat/${encodeURIComponent(id)}/given`, signal);
}

async function load<T>(url: string, signal?: AbortSignal): Promise<T> {
  for (;;) {
    try {
      const response = await fetch(url, { ...(signal && { signal }) });
      // The connection may be lost in the middle of the body, too.
      if (response.ok) return (await response.json()) as T;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
