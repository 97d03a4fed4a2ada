import { createRegistry, sse } from "@holdfast/hono";
import { type Context, Hono } from "hono";

export const jobs = createRegistry({ maxConnectionsPerKey: 20 });
export const app = new Hono();

app.get("/jobs/:id/stream", async (c) => {
  const user = userOf(c);
  if (user === undefined) return c.body(null, 401);
  return sse(c, jobs.stream(`${user}/${c.req.param("id")}`), { key: user });
});

/** The service's own way to identify a user. */
function userOf(c: Context): string | undefined {
  return /^Bearer (\w+)$/.exec(c.req.header("authorization") ?? "")?.[1];
}
