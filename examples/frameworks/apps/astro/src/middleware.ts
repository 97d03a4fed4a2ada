import { defineMiddleware } from "astro:middleware";
import { jobs } from "./jobs";

process.once("SIGTERM", async () => {
  await jobs.close();
  setTimeout(() => process.exit(), 2_000); // the time for the other requests
});

export const onRequest = defineMiddleware((_context, next) => next());
