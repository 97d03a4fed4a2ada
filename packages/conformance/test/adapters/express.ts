import { createServer } from "node:http";
import { sse } from "@holdfast/express";
import express, { type NextFunction, type Request, type Response } from "express";
import { type Adapter, refusalOf } from "./adapter.ts";
import { listenHttp1 } from "./listen.ts";

export const express5: Adapter = {
  name: "express 5",
  leavings: ["cut", "reset", "halfClose"],
  signalled: ["cut", "reset", "halfClose"],
  ownHeaders: ["connection", "date", "keep-alive", "transfer-encoding", "x-powered-by"],
  reuses: true,
  earlierHeaders: true,
  listen(handle, earlier) {
    const app = express();
    app.use((_req, res, next) => {
      for (const [name, value] of earlier) res.append(name, value);
      next();
    });
    app.use(express.text());
    const answer = async (req: Request, res: Response): Promise<void> => {
      const body = typeof req.body === "string" ? req.body : "";
      await handle({ body, sse: (source, options) => sse(req, res, source, options) });
    };
    app.get("/", answer);
    app.post("/", answer);
    // Express knows an error handler by its four parameters.
    app.use((error: unknown, _req: Request, res: Response, _next: NextFunction) => {
      res.status(500).end(refusalOf(error));
    });
    return listenHttp1(createServer(app));
  },
};
