import { route } from "@react-router/dev/routes";

export default [route("jobs/:id", "routes/jobs.ts"), route("status", "routes/status.ts")];
