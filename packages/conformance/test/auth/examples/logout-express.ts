import { createRegistry, sse } from "@holdfast/express";
import express from "express";

export const jobs = createRegistry();
export const app = express();
/** One controller per login, which aborts when the user logs out. */
export const logins = new Map<string, AbortController>();

app.get("/jobs/:id/stream", async (req, res) => {
  const login = logins.get(req.get("authorization") ?? "");
  if (login === undefined) res.sendStatus(401);
  else await sse(req, res, jobs.stream(req.params.id), { signal: login.signal });
});
