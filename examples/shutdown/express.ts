import { sse } from "@holdfast/express";
import express from "express";
import { jobs } from "./jobs.ts";

const app = express();
app.get("/jobs/:id", (req, res) => sse(req, res, jobs.stream(req.params.id)));
const server = app.listen(Number(process.env["PORT"] ?? 3000));

process.once("SIGTERM", async () => {
  await jobs.close(); // asks all clients to reconnect
  server.close(); // waits for the other requests
  setTimeout(() => process.exit(), 2_000).unref(); // but not for long
});
