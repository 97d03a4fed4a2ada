import { setTimeout as pause } from "node:timers/promises";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { z } from "zod";

/** A server with two tools: `count` reports its progress, `ponder` sends nothing until it is done. */
export function createToolServer(): McpServer {
  const server = new McpServer({ name: "holdfast-example", version: "1.0.0" });

  server.registerTool(
    "count",
    { description: "Counts and reports each number", inputSchema: { to: z.number().int().min(1).max(100) } },
    async ({ to }, { signal, sendNotification, _meta: { progressToken } = {} }) => {
      for (let progress = 1; progress <= to; progress++) {
        await pause(100, undefined, { signal });
        if (progressToken === undefined) continue;
        const params = { progressToken, progress, total: to };
        await sendNotification({ method: "notifications/progress", params });
      }
      return { content: [{ type: "text", text: `Counted to ${to}.` }] };
    },
  );

  server.registerTool(
    "ponder",
    {
      description: "Thinks without reporting progress",
      inputSchema: { seconds: z.number().min(0).max(600) },
    },
    async ({ seconds }, { signal }) => {
      await pause(seconds * 1_000, undefined, { signal });
      return { content: [{ type: "text", text: "42" }] };
    },
  );

  return server;
}
