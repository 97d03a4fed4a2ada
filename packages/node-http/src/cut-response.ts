import type { ServerResponse } from "node:http";
import { constants, type ServerHttp2Stream } from "node:http2";
import { type Duplex, Transform } from "node:stream";
import { type NodeResponse, streamOf } from "./node-response.ts";

/** Chromium drops what it has not read when a response fails: a cut comes so many ms after everything else. */
const CUT_DELAY = 100;

/** Ends a response behind everything written, so that the client sees that it is incomplete. */
export function cutResponse(res: NodeResponse): void {
  const stream = streamOf(res);
  afterCompression(res, () =>
    stream === undefined ? halfClose(res as ServerResponse) : resetStream(stream),
  );
}

/** Calls `cut` when compression middleware, if there is any, has passed on everything that was written. */
function afterCompression(res: NodeResponse, cut: () => void): void {
  // Such middleware redirects this listener to its own stream, which is the only way to find that stream.
  const compressor: unknown = res.on("drain", () => undefined);
  if (!(compressor instanceof Transform)) return cut();
  const cutWhenRead = (): void => {
    if (compressor.readableLength > 0) return;
    compressor.off("data", cutWhenRead);
    cut();
  };
  compressor.write("", () => {
    compressor.on("data", cutWhenRead);
    cutWhenRead();
  });
}

/** Sends a FIN without the last chunk (RFC 9112, 8). */
function halfClose(res: ServerResponse): void {
  const { socket } = res;
  res.flushHeaders();
  if (socket !== null) cutWhenFlushed(socket, () => socket.end());
}

function resetStream(stream: ServerHttp2Stream): void {
  cutWhenFlushed(stream, () => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
}

/** Calls `cut` behind everything written: a RST_STREAM would overtake what is queued. */
function cutWhenFlushed(stream: Duplex, cut: () => void): void {
  const cutLater = (): void => void setTimeout(cut, CUT_DELAY);
  if (stream.writableLength === 0) cutLater();
  else stream.write("", cutLater);
}
