import { createRegistry, sse } from "@holdfast/hono";
import { type Context, Hono } from "hono";

export const jobs = createRegistry();
export const app = new Hono();
const tickets = new Map<string, string>();

app.post("/tickets", (c) => {
  const user = userOf(c);
  if (user === undefined) return c.body(null, 401);
  const ticket = crypto.randomUUID();
  tickets.set(ticket, user);
  setTimeout(() => tickets.delete(ticket), 30_000).unref();
  return c.json({ ticket });
});
app.get("/jobs/:id/stream", async (c) => {
  const { ticket = "" } = c.req.query();
  const user = tickets.get(ticket);
  tickets.delete(ticket); // valid for one connection: useless to somebody who finds it in a log
  return user === undefined ? c.body(null, 401) : sse(c, jobs.stream(`${user}/${c.req.param("id")}`));
});

/** The service's own way to identify a user. */
function userOf(c: Context): string | undefined {
  return c.req.header("authorization") === "Bearer ann's" ? "ann" : undefined;
}
