import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";

/** A tool call that a test controls. */
export interface HeldTool {
  /** The signal of the last call. */
  signal: AbortSignal | undefined;
  /** Number of calls so far. */
  calls: number;
  /** Sends a progress notification from the call. */
  progress(done: number): Promise<void>;
  /** Ends the call with this text. */
  finish(text: string): void;
  readonly createServer: () => McpServer;
}

/** A server whose only tool, `held`, does nothing until the test lets it. */
export function createHeldTool(): HeldTool {
  const held: HeldTool = {
    signal: undefined,
    calls: 0,
    progress: async () => undefined,
    finish: () => undefined,
    createServer() {
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
            held.finish = (text) => resolve({ content: [{ type: "text", text }] });
          });
        },
      );
      return server;
    },
  };
  return held;
}
