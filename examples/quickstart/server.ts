import { serve } from "@hono/node-server";
import { createRegistry, sse } from "@holdfast/hono";
import { Hono } from "hono";
import { think } from "./think.ts";

const answers = createRegistry<{ token: string }>();
const app = new Hono();

app.post("/answers", async (c) => {
  const answer = await answers.open(crypto.randomUUID());
  void answer.pipe(({ signal }) => think(signal)); // runs to its end, whoever listens
  return c.json({ id: answer.id }, 201);
});
app.get("/answers/:id", (c) => sse(c, answers.stream(c.req.param("id"))));

serve({ fetch: app.fetch, port: Number(process.env["PORT"] ?? 3000) });
