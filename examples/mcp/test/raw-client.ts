import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { onTestFinished } from "vitest";
import { until } from "../../common/test/until.ts";

/** A response and its raw body. */
export interface RawResponse {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
  readonly state: "open" | "ended" | "cut";
  /** Waits until the body contains a text. */
  until(part: string): Promise<void>;
  /** Waits until the response has ended or was cut. */
  finished(): Promise<void>;
  /** Destroys the connection. */
  cut(): void;
}

/** Sends an MCP message by HTTP: a POST, or a GET without a message. */
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
    finished: () => until(() => state !== "open"),
    cut: () => void outgoing.destroy(),
  };
}

/** Initializes a session. Returns the headers for its further requests. */
export async function initialize(url: URL): Promise<Record<string, string>> {
  const protocolVersion = "2025-11-25";
  const params = { protocolVersion, capabilities: {}, clientInfo: { name: "raw", version: "1" } };
  const response = await send(url, { jsonrpc: "2.0", id: 0, method: "initialize", params });
  await response.finished();
  const headers = {
    "mcp-session-id": String(response.headers["mcp-session-id"]),
    "mcp-protocol-version": protocolVersion,
  };
  const done = await send(url, { jsonrpc: "2.0", method: "notifications/initialized" }, headers);
  await done.finished();
  return headers;
}

export const call = (id: number, name: string, args: object = {}): object => ({
  jsonrpc: "2.0",
  id,
  method: "tools/call",
  params: { name, arguments: args, _meta: { progressToken: id } },
});
