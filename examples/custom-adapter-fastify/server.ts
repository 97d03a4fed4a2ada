import { createRegistry } from "@holdfast/core";
import { fastify } from "fastify";
import { sse } from "./sse.ts";

const feeds = createRegistry();
const clock = feeds.channel("clock");
setInterval(() => clock.push({ event: "tick", data: { time: new Date().toISOString() } }), 1_000).unref();

const app = fastify();
app.get("/clock", (request, reply) => sse(request, reply, clock, { from: "now" }));

const url = await app.listen({ host: "127.0.0.1", port: Number(process.env["PORT"] ?? 3000) });
console.log(`The time is at ${url}/clock`);
process.once("SIGTERM", () => void feeds.close().then(() => app.close()));
