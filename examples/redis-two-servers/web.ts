import { randomUUID } from "node:crypto";
import { serve } from "@hono/node-server";
import { HoldfastError, sse } from "@holdfast/hono";
import { Hono } from "hono";
import { cors } from "hono/cors";
import { HTTPException } from "hono/http-exception";
import { createJobs } from "./jobs.ts";
import { enqueue } from "./queue.ts";
import { createRedis } from "./redis.ts";

/** Number of steps of a job, which take a minute. */
const STEPS = 1_500;

const client = createRedis(process.env.REDIS_URL as string);
await client.connect();
const jobs = createJobs(client);
const app = new Hono();

// The page has another origin. Clients send `Last-Event-ID` when they reconnect.
app.use(cors({ origin: process.env.ORIGIN as string, allowHeaders: ["Last-Event-ID", "Content-Type"] }));

app.post("/jobs", async (c) => {
  const { steps = STEPS } = await c.req.json<{ steps?: unknown }>().catch(() => ({ steps: undefined }));
  if (typeof steps !== "number" || !Number.isInteger(steps) || steps < 1 || steps > STEPS) {
    throw new HTTPException(400, {
      message: `"steps" must be an integer from 1 to ${STEPS}, not ${JSON.stringify(steps)}`,
    });
  }
  const id = randomUUID();
  await enqueue(client, { id, steps });
  return c.json({ id, stream: `/jobs/${id}/stream` }, 201);
});

app.get("/jobs/:id/stream", (c) => sse(c, jobs.stream(c.req.param("id"))));

app.delete("/jobs/:id", async (c) => {
  if (await jobs.cancel(c.req.param("id"), "user")) return c.body(null, 204);
  throw new HTTPException(404, { message: "no such job is running" });
});

app.onError((error, c) => {
  if (error instanceof HTTPException) return c.json({ error: error.message }, error.status);
  if (error instanceof HoldfastError && error.retryable) return c.json({ error: error.message }, 503);
  console.error(error);
  return c.json({ error: "internal server error" }, 500);
});

// The process that started this one has exited.
process.once("disconnect", () => process.exit());

serve({ fetch: app.fetch, hostname: "127.0.0.1", port: Number(process.env.PORT) }, ({ port }) => {
  process.send?.({ port });
});
