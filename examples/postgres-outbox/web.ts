import { serve } from "@hono/node-server";
import { sse } from "@holdfast/hono";
import { Hono } from "hono";
import { cors } from "hono/cors";
import { HTTPException } from "hono/http-exception";
import { createPool } from "./database.ts";
import { createFeeds } from "./feeds.ts";
import { CHANNEL, placeOrder, RolledBack } from "./orders.ts";

const ITEMS = ["tea", "coffee", "cocoa", "honey", "oats", "figs"];

const pool = createPool();
const feeds = createFeeds(pool);
const app = new Hono();

// The page has another origin. Clients send `Last-Event-ID` when they reconnect.
app.use(cors({ origin: process.env.ORIGIN as string, allowHeaders: ["Last-Event-ID", "Content-Type"] }));

app.post("/orders", async (c) => {
  const { rollBack = false } = await c.req.json<{ rollBack?: unknown }>().catch(() => ({ rollBack: false }));
  const item = ITEMS[Math.floor(Math.random() * ITEMS.length)] as string;
  try {
    return c.json(await placeOrder(pool, item, rollBack === true), 201);
  } catch (error) {
    if (!(error instanceof RolledBack)) throw error;
    return c.json({ rolledBack: true });
  }
});

// A page that is opened later shows all orders, too.
app.get("/orders/feed", (c) => sse(c, feeds.channel(CHANNEL), { from: "start" }));

app.onError((error, c) => {
  if (error instanceof HTTPException) return c.json({ error: error.message }, error.status);
  console.error(error);
  return c.json({ error: "internal server error" }, 500);
});

// The process that started this one has exited.
process.once("disconnect", () => process.exit());

serve({ fetch: app.fetch, hostname: "127.0.0.1", port: Number(process.env.PORT) }, ({ port }) => {
  process.send?.({ port });
});
