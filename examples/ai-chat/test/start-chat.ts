import { join } from "node:path";
import { onTestFinished } from "vitest";
import { runServer } from "../../common/test/run-server.ts";
import type { Given, StoredChat } from "../chat.ts";

export interface ChatServer {
  readonly url: string;
  readonly stop: (signal: NodeJS.Signals) => Promise<number | null>;
  readonly stored: (chat: string) => Promise<StoredChat>;
  /** What the server has written down at the model. */
  readonly given: (chat: string) => Promise<Given[]>;
}

/**
 * Runs the example as its users do, until the test is finished.
 *
 * @param page the folder of the built page
 */
export async function startChat(tokenDelay: number, page: string): Promise<ChatServer> {
  const server = runServer(join(import.meta.dirname, "../start.ts"), {
    PORT: "0",
    TOKEN_DELAY: String(tokenDelay),
    OPENAI_MODEL: "",
    CHAT_PAGE: page,
  });
  // What the model is told to do wrong is logged.
  server.stderr?.resume();
  const url = await server.firstLine("stdout");
  // Ends the server below it, too, and removes its files.
  onTestFinished(() => {
    server.kill("SIGTERM");
    server.kill("SIGTERM");
    return server.exited().then(() => undefined);
  });
  const get = async (path: string) => {
    const ask = () => fetch(`${url}/api/chat/${path}`);
    // The connection that `fetch` has kept may be that of a process that was killed.
    const response = await ask().catch(ask);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  };
  return {
    url,
    stop: (signal) => {
      server.kill(signal);
      return server.exited();
    },
    stored: (chat) => get(chat) as Promise<StoredChat>,
    given: (chat) => get(`${chat}/given`) as Promise<Given[]>,
  };
}
