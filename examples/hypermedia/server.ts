import { setTimeout } from "node:timers/promises";
import { serve } from "@hono/node-server";
import { createApp } from "./app.ts";

const { app, builds } = createApp(async function* (signal) {
  for (const text of ["install", "lint", "compile", "test", "pack"]) {
    for (let part = 1; part <= 4; part++) {
      await setTimeout(500, undefined, { signal });
      yield `${text}: ${part} of 4 <done>`;
    }
  }
});

const server = serve(
  { fetch: app.fetch, hostname: "127.0.0.1", port: Number(process.env["PORT"] ?? 3000) },
  (info) => console.log(`http://127.0.0.1:${info.port}`),
);

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void shutDown());

/** Asks all clients to reconnect, and ends within two seconds. */
async function shutDown(): Promise<void> {
  await builds.close();
  server.close();
  await setTimeout(2_000, undefined, { ref: false });
  process.exit();
}
