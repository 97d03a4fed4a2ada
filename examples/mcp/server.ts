import { serve } from "@hono/node-server";
import { createApp } from "./app.ts";

const { PORT = "3000", HEARTBEAT = "15000" } = process.env;
const { app, close } = createApp({ interval: Number(HEARTBEAT) });

const server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: Number(PORT) }, ({ port }) => {
  console.log(`http://127.0.0.1:${port}/mcp`);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void close().then(() => server.close()));
}
