import { sse } from "@holdfast/fastify";
import { fastify } from "fastify";
import { jobs } from "./jobs.ts";

const app = fastify();
app.get<{ Params: { id: string } }>("/jobs/:id", (request, reply) =>
  sse(request, reply, jobs.stream(request.params.id)),
);
await app.listen({ host: "0.0.0.0", port: Number(process.env["PORT"] ?? 3000) });

process.once("SIGTERM", async () => {
  await jobs.close();
  setTimeout(() => process.exit(), 2_000).unref();
  await app.close(); // also runs the hooks preClose and onClose
});
