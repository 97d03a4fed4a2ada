import { toResponse } from "@holdfast/core";
import { Elysia } from "elysia";
import { jobs } from "./jobs";

const app = new Elysia({ serve: { idleTimeout: 0 } }) // otherwise Bun closes a connection that is silent for 10 s
  .get("/jobs/:id", ({ request, params }) => toResponse(request, jobs.stream(params.id)))
  .get("/status", () => ({ ...jobs.gauges(), edition: process.env.EDITION }))
  .listen(Number(process.env.PORT ?? 3000));

process.once("SIGTERM", async () => {
  await jobs.close();
  setTimeout(() => process.exit(), 2_000).unref();
  await app.stop();
});
