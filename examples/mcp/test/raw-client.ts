import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { onTestFinished } from "vitest";
import { until } from "../../common/test/until.ts";

/** A response, to the byte. */
export interface RawResponse {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
  readonly state: "open" | "ended" | "cut";
  /** Waits for a text in the body. */
  until(part: string): Promise<void>;
  over(): Promise<void>;
  /** Destroys the connection. */
  cut(): void;
}

/** Speaks MCP by hand. */
export async function send(
  url: URL,
  message: object | undefined,
  headers: Record<string, string> = {},
): Promise<RawResponse> {
  const outgoing = request(url, {
    agent: false,
    method: message === undefined ? "GET" : "POST",
    headers: {
      accept: "application/json, text/event-stream",
      ...(message !== undefined && { "content-type": "application/json" }),
      ...headers,
    },
  });
  outgoing.on("error", () => undefined);
  outgoing.end(message === undefined ? undefined : JSON.stringify(message));
  onTestFinished(() => void outgoing.destroy());
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  let text = "";
  let state: RawResponse["state"] = "open";
  response.setEncoding("utf8").on("data", (part: string) => void (text += part));
  response.on("error", () => undefined);
  response.on("end", () => void (state = "ended"));
  response.on("close", () => void (state = state === "ended" ? "ended" : "cut"));
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    get text() {
      return text;
    },
    get state() {
      return state;
    },
    until: (part) => until(() => text.includes(part)),
    over: () => until(() => state !== "open"),
    cut: () => void outgoing.destroy(),
  };
}

/** Begins a session by hand; returns what its requests have to say. */
export async function initialize(url: URL): Promise<Record<string, string>> {
  const protocolVersion = "2025-11-25";
  const params = { protocolVersion, capabilities: {}, clientInfo: { name: "raw", version: "1" } };
  const answer = await send(url, { jsonrpc: "2.0", id: 0, method: "initialize", params });
  await answer.over();
  const headers = {
    "mcp-session-id": String(answer.headers["mcp-session-id"]),
    "mcp-protocol-version": protocolVersion,
  };
  const done = await send(url, { jsonrpc: "2.0", method: "notifications/initialized" }, headers);
  await done.over();
  return headers;
}

export const call = (id: number, name: string, args: object = {}): object => ({
  jsonrpc: "2.0",
  id,
  method: "tools/call",
  params: { name, arguments: args, _meta: { progressToken: id } },
});
