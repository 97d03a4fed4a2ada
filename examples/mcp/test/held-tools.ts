import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";

/** What a test lets a tool do. */
export interface Held {
  /** The signal of the last call. */
  signal: AbortSignal | undefined;
  /** How many calls there were. */
  calls: number;
  /** Has the call tell how far it is. */
  progress(done: number): Promise<void>;
  /** Has the call answer. */
  answer(text: string): void;
  readonly create: () => McpServer;
}

/** A server whose one tool, `held`, is silent until it is told what to say. */
export function holdTools(): Held {
  const held: Held = {
    signal: undefined,
    calls: 0,
    progress: async () => undefined,
    answer: () => undefined,
    create() {
      const server = new McpServer({ name: "held", version: "1" });
      server.registerTool(
        "held",
        { description: "Waits" },
        ({ signal, sendNotification, _meta: { progressToken = "" } = {} }) => {
          held.calls++;
          held.signal = signal;
          held.progress = (progress) =>
            sendNotification({ method: "notifications/progress", params: { progressToken, progress } });
          return new Promise((resolve) => {
            held.answer = (text) => resolve({ content: [{ type: "text", text }] });
          });
        },
      );
      return server;
    },
  };
  return held;
}
