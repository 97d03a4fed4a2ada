import { definePlugin } from "nitro";
import { jobs } from "../utils/jobs";

export default definePlugin(() => {
  process.once("SIGTERM", async () => {
    await jobs.close();
    setTimeout(() => process.exit(), 2_000).unref();
  });
});
