import { setTimeout } from "node:timers/promises";
import { serve } from "@hono/node-server";
import { createRegistry, sse } from "@holdfast/hono";
import { Hono } from "hono";

const answers = createRegistry();
const app = new Hono();

app.post("/answers", async (c) => {
  const answer = await answers.open(crypto.randomUUID());
  // The generator runs to its end, even while no client is connected.
  void answer.pipe(async function* ({ signal }) {
    for (const word of "A client that joins late, reconnects or reads slowly gets every word.".split(" ")) {
      await setTimeout(200, undefined, { signal });
      yield { event: "token", data: word };
    }
  });
  return c.json({ id: answer.id }, 201);
});
app.get("/answers/:id", (c) => sse(c, answers.stream(c.req.param("id"))));

serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 3000) });
