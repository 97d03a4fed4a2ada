import { serveApp } from "../common/serve-app.ts";
import { createApp } from "./app.ts";

const { app, close } = createApp();

serveApp({ fetch: app.fetch, drain: close, command: "npx pnpm@12.21.0 example:dashboard" });
