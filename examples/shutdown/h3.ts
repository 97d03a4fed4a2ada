/* oxlint-disable typescript/no-floating-promises -- the line is the same for all servers */
import { toResponse } from "@holdfast/core";
import { getRouterParam, H3, serve } from "h3";
import { jobs } from "./jobs.ts";

const app = new H3();
app.get("/jobs/:id", (event) => toResponse(event.req, jobs.stream(getRouterParam(event, "id") ?? "")));
const server = serve(app, { port: Number(process.env["PORT"] ?? 3000), gracefulShutdown: false });

process.once("SIGTERM", async () => {
  await jobs.close(); // asks all clients to reconnect
  server.close(); // waits for the other requests
  setTimeout(() => process.exit(), 2_000).unref(); // but not for long
});
