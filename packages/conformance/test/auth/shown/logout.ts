import { createRegistry, toResponse } from "@holdfast/hono";
import { Hono } from "hono";

export const jobs = createRegistry();
export const app = new Hono();
/** What aborts when a user logs out. */
export const logins = new Map<string, AbortController>();

app.get("/jobs/:id/stream", async (c) => {
  const login = logins.get(c.req.header("authorization") ?? "");
  if (login === undefined) return c.body(null, 401);
  const signal = AbortSignal.any([c.req.raw.signal, login.signal]);
  const response = await toResponse(new Request(c.req.raw, { signal }), jobs.stream(c.req.param("id")));
  return c.newResponse(response.body, response); // with the headers that middleware has set
});
