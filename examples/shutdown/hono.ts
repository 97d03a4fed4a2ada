import { serve } from "@hono/node-server";
import { sse } from "@holdfast/hono";
import { Hono } from "hono";
import { jobs } from "./jobs.ts";

const app = new Hono();
app.get("/jobs/:id", (c) => sse(c, jobs.stream(c.req.param("id"))));
const server = serve({ fetch: app.fetch, port: Number(process.env["PORT"] ?? 3000) });

process.once("SIGTERM", async () => {
  await jobs.close(); // asks all clients to reconnect
  server.close(); // waits for the other requests
  setTimeout(() => process.exit(), 2_000).unref(); // but not for long
});
