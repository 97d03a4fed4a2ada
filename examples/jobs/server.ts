import { resolve } from "node:path";
import { isSupervised, killProcess, serveApp } from "../common/serve-app.ts";
import { createApp } from "./app.ts";

const { app, jobs } = createApp({
  root: resolve(import.meta.dirname, "../.."),
  ...(process.env.JOBS_DB && { file: process.env.JOBS_DB }),
  // Without a supervisor nobody would start it again.
  ...(isSupervised && { kill: killProcess }),
});

serveApp({
  fetch: app.fetch,
  drain: () => jobs.close({ deadline: 2_000, spread: 1_000 }),
  command: "npm start",
});
