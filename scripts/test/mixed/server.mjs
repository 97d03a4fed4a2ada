// A server of the version that is installed beside this file. Test commands come as POST requests, and clients as GET.
import { createServer } from "node:http";
import { createRegistry, sse } from "@holdfast/node-http";

const { REDIS_PORT, PREFIX } = process.env;

async function openStore() {
  const { createClient } = await import("redis");
  const { redisStore } = await import("@holdfast/redis");
  const client = createClient({ url: `redis://127.0.0.1:${REDIS_PORT}` });
  client.on("error", () => undefined);
  return redisStore({ client: await client.connect(), ...(PREFIX && { prefix: PREFIX }) });
}

const failures = [];
const describe = (error) =>
  [error.code, error.message, error.cause && describe(error.cause)].flat().join(" ");
const jobs = createRegistry({
  ...(REDIS_PORT && { store: await openStore() }),
  observer: { failed: ({ error }) => failures.push(describe(error)) },
});
const writers = new Map();
const sockets = new Set();

const commands = {
  open: async (id, options) => void writers.set(id, await jobs.open(id, options)),
  push(id, from, to) {
    for (let number = from; number <= to; number++) writers.get(id).push({ event: "n", data: `${number}` });
  },
  end: (id) => writers.get(id).end(),
  fail: (id, options) => writers.get(id).fail(new Error("broken"), options),
  readers: (id) => jobs.get(id)?.readers ?? 0,
  failures: () => failures,
  cut() {
    for (const socket of sockets) socket.destroy();
  },
  close: () => jobs.close({ deadline: 5_000, spread: 0 }),
};

const server = createServer(async (req, res) => {
  const [, id = ""] = req.url.split("/");
  if (req.method === "GET") {
    sockets.add(req.socket);
    req.socket.once("close", () => sockets.delete(req.socket));
    return void sse(req, res, jobs.stream(id));
  }
  let text = "";
  for await (const chunk of req) text += chunk;
  const { name, args } = JSON.parse(text);
  try {
    res.end(JSON.stringify({ value: (await commands[name](...args)) ?? null }));
  } catch (error) {
    res.end(JSON.stringify({ error: describe(error) }));
  }
});
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })));
