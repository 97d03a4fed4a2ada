import { createRegistry, sse } from "@holdfast/hono";
import { getConnInfo } from "@hono/node-server/conninfo";
import { Hono } from "hono";
import { addressKey } from "./address.ts";

export const feeds = createRegistry({ maxConnectionsPerKey: 50 });
export const app = new Hono();

app.get("/news", (c) => {
  const peer = getConnInfo(c).remote.address ?? "";
  const key = addressKey(peer, c.req.header("x-forwarded-for"));
  return sse(c, feeds.channel("news"), { key, overload: "refuse" });
});
