import { createRegistry, sse } from "@holdfast/hono";
import { Hono } from "hono";

/** Longer than a reconnect takes, also after a deploy: `spread` and two seconds. */
const GRACE = 15_000;

export const live = createRegistry();
const lobby = live.channel("lobby");
export const app = new Hono();
/** The users who are online: how many connections they have, or the timer until they count as gone. */
export const online = new Map<string, { connections: number; timer?: NodeJS.Timeout }>();

app.get("/lobby/:user", (c) => {
  const user = c.req.param("user"); // in a service: from the session
  enter(user);
  return sse(c, lobby, { key: user, onClose: () => leave(user) });
});

function enter(user: string): void {
  const entry = online.get(user) ?? { connections: 0 };
  if (!online.has(user)) lobby.push({ event: "came", data: user });
  clearTimeout(entry.timer);
  entry.connections++;
  online.set(user, entry);
}

function leave(user: string): void {
  const entry = online.get(user);
  if (entry === undefined || --entry.connections > 0) return;
  entry.timer = setTimeout(() => {
    online.delete(user);
    lobby.push({ event: "left", data: user });
  }, GRACE).unref();
}
