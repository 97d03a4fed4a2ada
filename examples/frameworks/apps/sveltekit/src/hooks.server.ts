import { jobs } from "./lib/jobs";

process.once("SIGTERM", async () => {
  await jobs.close();
  setTimeout(() => process.exit(), 2_000).unref();
});
