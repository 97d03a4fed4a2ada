import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { serve } from "@hono/node-server";
import { serveStatic } from "@hono/node-server/serve-static";
import { sse } from "@holdfast/hono";
import { Hono } from "hono";
import { bundleClient } from "../common/client-bundle.ts";
import { causeFault, FAULTS } from "./faults.ts";
import { queue, reports } from "./reports.ts";

const app = new Hono();

app.post("/reports", async (c) => {
  const { topic } = await c.req.json<{ topic: string }>();
  const id = randomUUID();
  await queue.add("report", { topic, finished: 0, at: 0 }, { jobId: id });
  return c.json({ id }, 201);
});

app.get("/reports/:id", (c) => sse(c, reports.stream(c.req.param("id"))));

app.delete("/reports/:id", async (c) => {
  const id = c.req.param("id");
  if (await reports.cancel(id, "user")) return c.body(null, 204);
  const job = await queue.getJob(id); // its first run may not have begun
  if (!(await job?.isWaiting())) return c.body(null, 404);
  await job?.remove();
  return c.body(null, 204);
});

// The page, and its buttons.
const client = bundleClient();
app.post("/reports/:id/faults", async (c) => {
  const { fault } = await c.req.json<{ fault: unknown }>();
  const known = FAULTS.find((name) => name === fault);
  if (known === undefined) return c.json({ error: "there is no such fault" }, 400);
  await causeFault(c.req.param("id"), known);
  return c.body(null, 204);
});
app.get("/holdfast-client.js", async (c) =>
  c.body(await client, 200, { "content-type": "text/javascript; charset=utf-8" }),
);
app.use(serveStatic({ root: join(import.meta.dirname, "public") }));
app.use(serveStatic({ root: join(import.meta.dirname, "../common/page") }));

const options = { fetch: app.fetch, hostname: "127.0.0.1", port: Number(process.env["PORT"] ?? 3000) };
const server = serve(options, ({ port }) => console.log(`http://127.0.0.1:${port}`));

process.once("SIGTERM", async () => {
  await reports.close(); // asks all clients to reconnect
  server.close(); // waits for the other requests
  setTimeout(() => process.exit(), 2_000).unref(); // but not for long
});
process.once("disconnect", () => process.exit()); // the process that started this one has exited
