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

/** Runs the example as its users do, until the test is finished. */
export async function startChat(tokenDelay: number): Promise<ChatServer> {
  const server = runServer(join(import.meta.dirname, "../start.ts"), {
    PORT: "0",
    TOKEN_DELAY: String(tokenDelay),
    OPENAI_MODEL: "",
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
    const response = await fetch(`${url}/api/chat/${path}`);
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
