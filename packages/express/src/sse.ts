import type { ServeOptions, Source } from "@holdfast/core";
import { sse as serveNode } from "@holdfast/node-http";
import type { Request, Response } from "express";

/**
 * Serves a client of Express 5 or 4. What it throws before the response began is for the error handlers: return the
 * promise from the handler, or in Express 4 end it with `.catch(next)`.
 *
 * @returns a promise that resolves when the response is over
 * @throws `INVALID_OPTION` (as a rejection), only before the response began
 *
 * @example
 * app.get("/jobs/:id/stream", (req, res) => sse(req, res, jobs.stream(req.params.id)));
 */
export function sse(req: Request, res: Response, source: Source, options?: ServeOptions): Promise<void> {
  return serveNode(req, res, source, options);
}
