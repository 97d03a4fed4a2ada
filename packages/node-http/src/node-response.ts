import type { ServerResponse } from "node:http";
import type { Http2ServerResponse, ServerHttp2Stream } from "node:http2";

/** A response of `node:http`, `node:https` or `node:http2`, and of what stands on them. */
export type NodeResponse = ServerResponse | Http2ServerResponse;

/** Whether the response is over or the client has disconnected. */
export function isClosed(res: NodeResponse): boolean {
  const stream = streamOf(res);
  if (stream !== undefined) return stream.closed;
  const { destroyed, socket, req } = res as ServerResponse;
  return destroyed || (socket === null && req.socket.destroyed);
}

/** The stream of an HTTP/2 response, which always emits `close`; the response to a HEAD request may not. */
export function streamOf(res: NodeResponse): ServerHttp2Stream | undefined {
  return "stream" in res ? res.stream : undefined;
}
