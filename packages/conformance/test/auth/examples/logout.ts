import { createRegistry, sse } from "@holdfast/hono";
import { Hono } from "hono";

export const jobs = createRegistry();
export const app = new Hono();
/** One controller per login, which aborts when the user logs out. */
export const logins = new Map<string, AbortController>();

app.get("/jobs/:id/stream", async (c) => {
  const login = logins.get(c.req.header("authorization") ?? "");
  if (login === undefined) return c.body(null, 401);
  return sse(c, jobs.stream(c.req.param("id")), { signal: login.signal });
});
