import type { ServeOptions, Source } from "@holdfast/core";
import { sse as serveNode } from "@holdfast/node-http";
import type { Request, Response } from "express";

/**
 * Serves a client of Express 5 or 4. Return the promise from the handler, so that an error before the response has
 * begun reaches the error handlers. In Express 4 add `.catch(next)` instead.
 *
 * @returns a promise that resolves when the response is over
 * @throws `INVALID_OPTION` (as a rejection), only before the response has begun
 *
 * @example
 * app.get("/jobs/:id/stream", (req, res) => sse(req, res, jobs.stream(req.params.id)));
 */
export function sse(req: Request, res: Response, source: Source, options?: ServeOptions): Promise<void> {
  return serveNode(req, res, source, options);
}
