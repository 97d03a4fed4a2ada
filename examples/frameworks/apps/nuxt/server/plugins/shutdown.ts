import { jobs } from "../utils/jobs";

export default defineNitroPlugin(() => {
  process.once("SIGTERM", () => void jobs.close());
});
