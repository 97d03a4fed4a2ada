import { createRegistry, type Registry, sse, type Store } from "@holdfast/hono";
import { type Context, Hono } from "hono";

/** The service's own sessions, in a database that all machines share. */
export interface Sessions {
  userOf(session: string): Promise<string | undefined>;
  delete(session: string): Promise<void>;
  deleteAllOf(user: string): Promise<void>;
}

export function createService(store: Store, sessions: Sessions): { app: Hono; live: Registry } {
  const live = createRegistry({ store });
  const app = new Hono();
  const sessionOf = (c: Context): string => c.req.header("authorization") ?? "";

  app.get("/live", async (c) => {
    const user = await sessions.userOf(sessionOf(c));
    if (user === undefined) return c.body(null, 401);
    return sse(c, live.channel(`users/${user}`), { key: user });
  });

  app.post("/logout", async (c) => {
    const user = await sessions.userOf(sessionOf(c));
    if (user === undefined) return c.body(null, 401);
    await sessions.delete(sessionOf(c)); // first: whoever is disconnected comes back at once
    await live.disconnect(user, "logout");
    return c.body(null, 204);
  });

  app.post("/admin/kick/:user", async (c) => {
    const user = c.req.param("user");
    await sessions.deleteAllOf(user);
    await live.disconnect(user, "kicked");
    return c.body(null, 204);
  });

  return { app, live };
}
