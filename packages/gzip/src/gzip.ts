import type { Compression } from "@holdfast/core";
import { GzipSink } from "./gzip-sink.ts";

/**
 * Compresses streams with gzip (RFC 1952) for clients that accept it. An event is compressed once, for all clients of its
 * stream, and reaches them at once. Others get the stream as it is, with `vary: accept-encoding`, and so does HTTP/1.0.
 *
 * A response that ends in order has the checksum at its end; one that is cut has none, so that a client which checks it sees
 * that it is incomplete.
 *
 * @example
 * const jobs = createRegistry({ compression: gzip });
 */
export const gzip: Compression = (open, request) => (status, headers, events, whole) => {
  if (status !== 200) return open(status, headers, events, whole);
  const varied = { ...headers, vary: "accept-encoding" };
  // What core knows as a whole is a few bytes.
  if (whole !== undefined || !acceptsGzip(request.acceptEncoding)) return open(status, varied, events, whole);
  return GzipSink.open(
    (sinkEvents) => open(status, { ...varied, "content-encoding": "gzip" }, sinkEvents),
    events,
  );
};

/** Whether the header `Accept-Encoding` names gzip, without `q=0` (RFC 9110, section 12.5.3). */
function acceptsGzip(header = ""): boolean {
  return header.split(",").some((coding) => {
    const [, weight = "1"] = /^\s*gzip\s*(?:;\s*q\s*=\s*([\d.]+)\s*)?$/i.exec(coding) ?? ["", "0"];
    return Number(weight) > 0;
  });
}
