import { jobs } from "./jobs";

export function register() {
  if (process.env.NEXT_RUNTIME === "nodejs") {
    process.once("SIGTERM", async () => {
      await jobs.close();
      setTimeout(() => process.exit(), 2_000); // the time for the other requests
    });
  }
}
