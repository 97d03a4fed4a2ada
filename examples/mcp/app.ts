import { systemClock } from "@holdfast/core";
import type { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { type Context, Hono } from "hono";
import { Session, type SessionOptions } from "./session.ts";
import { createToolServer } from "./tools.ts";

export interface AppOptions extends Partial<SessionOptions> {
  /** Creates the MCP server of a session. */
  readonly createServer?: () => McpServer;
}

export interface App {
  readonly app: Hono;
  readonly sessions: ReadonlyMap<string, Session>;
  /** Closes all sessions. */
  readonly close: () => Promise<void>;
}

/** An MCP server at `/mcp`, with a session for each client. */
export function createApp({
  createServer = createToolServer,
  interval = 15_000,
  idle = 60_000,
  clock = systemClock,
}: AppOptions = {}): App {
  const sessions = new Map<string, Session>();
  const app = new Hono();

  app.all("/mcp", async (c) => {
    const id = c.req.header("mcp-session-id");
    const session = id === undefined ? await openSession() : sessions.get(id);
    return session === undefined ? unknownSession(c) : session.handle(c.req.raw);
  });

  function openSession(): Promise<Session> {
    return Session.create(
      createServer(),
      { interval, idle, clock },
      (id, session) => void sessions.set(id, session),
      (id) => void sessions.delete(id),
    );
  }

  return {
    app,
    sessions,
    async close() {
      for (const session of sessions.values()) await session.close();
    },
  };
}

/** The response that makes a client initialize a new session. */
function unknownSession(c: Context): Response {
  return c.json({ jsonrpc: "2.0", error: { code: -32_001, message: "Session not found" }, id: null }, 404);
}
