import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { connect } from "node:http2";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { multiplex } from "@holdfast/core/multiplex";
import { fastify, type FastifyInstance } from "fastify";
import { expect, onTestFinished, test } from "vitest";
import { createRegistry, sse } from "../src/index.ts";

/** Listens until the test is finished. */
async function listen(app: Pick<FastifyInstance, "listen" | "server" | "close">): Promise<number> {
  await app.listen({ host: "127.0.0.1", port: 0 });
  onTestFinished(() => app.close());
  return (app.server.address() as AddressInfo).port;
}

async function request(port: number, path: string): Promise<IncomingMessage> {
  const outgoing = get({ host: "127.0.0.1", port, path });
  // A server that closes may cut the connection after the response.
  outgoing.on("error", () => undefined);
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  return response;
}

test("headers that hooks have set are kept, including each of several cookies", async () => {
  const jobs = createRegistry();
  const job = await jobs.open("42");
  await job.end();
  const app = fastify();
  app.addHook("onRequest", async (_request, reply) => {
    reply.header("access-control-allow-origin", "https://example.org").header("vary", "origin");
    reply.header("set-cookie", "a=1").header("set-cookie", "b=2");
  });
  app.get("/", (request, reply) => sse(request, reply, job));
  const response = await request(await listen(app), "/");
  response.resume();
  expect(response.headers).toMatchObject({
    "access-control-allow-origin": "https://example.org",
    "cache-control": "no-cache, no-transform",
    "content-type": "text/event-stream",
    "set-cookie": ["a=1", "b=2"],
    vary: "origin",
  });
});

test("an error before the response has begun reaches the error handler and the hooks after it", async () => {
  const jobs = createRegistry();
  const app = fastify();
  const ran: string[] = [];
  app.addHook("onRequest", async (_request, reply) => void reply.header("set-cookie", "a=1"));
  app.addHook("onSend", async () => void ran.push("onSend"));
  app.setErrorHandler<Error & { code: string }>((error, _request, reply) =>
    reply.code(500).send(`rejected: ${error.code}`),
  );
  app.get("/", (request, reply) => sse(request, reply, jobs.stream("42"), { heartbeat: -1 }));
  const response = await request(await listen(app), "/");
  expect(await text(response)).toBe("rejected: INVALID_OPTION");
  expect(response.statusCode).toBe(500);
  expect(response.headers["content-type"]).not.toContain("event-stream");
  expect(response.headers["set-cookie"]).toEqual(["a=1"]);
  expect(ran).toEqual(["onSend"]);
});

test("the reply is hijacked when the response begins: only the hook `onResponse` runs after that", async () => {
  const job = await createRegistry().open("42");
  const app = fastify();
  const ran: string[] = [];
  const responded = new Promise<void>((resolve) => app.addHook("onResponse", async () => resolve()));
  app.addHook("preSerialization", async () => void ran.push("preSerialization"));
  app.addHook("onSend", async () => void ran.push("onSend"));
  app.get("/", (request, reply) => {
    const over = sse(request, reply, job);
    ran.push(reply.sent ? "sent" : "not sent");
    return over;
  });
  const response = await request(await listen(app), "/");
  await job.end();
  expect(await text(response)).toContain("stream.end");
  await responded;
  expect(ran).toEqual(["sent"]);
});

test("when a client disconnects, `onRequestAbort` is called and nothing is left behind", async () => {
  const jobs = createRegistry();
  await jobs.open("42");
  const app = fastify();
  const aborted = Promise.withResolvers<string>();
  app.addHook("onRequestAbort", async (request) => aborted.resolve(request.url));
  let over: Promise<void> | undefined;
  app.get("/", (request, reply) => (over = sse(request, reply, jobs.stream("42"))));
  const response = await request(await listen(app), "/");
  expect(jobs.gauges().connections).toBe(1);
  response.destroy();
  expect(await aborted.promise).toBe("/");
  await over;
  expect(jobs.gauges().connections).toBe(0);
});

test("over HTTP/2, headers that hooks have set are kept too", async () => {
  const jobs = createRegistry();
  await jobs.open("42");
  const app = fastify({ http2: true });
  app.addHook("onRequest", async (_request, reply) => {
    reply.header("set-cookie", "a=1").header("set-cookie", "b=2");
  });
  app.get<{ Params: { id: string } }>("/:id", (request, reply) =>
    sse(request, reply, jobs.stream(request.params.id)),
  );
  const session = connect(`http://127.0.0.1:${await listen(app as never)}`);
  const stream = session.request({ ":path": "/42" });
  const [headers] = await once(stream, "response");
  expect(headers).toMatchObject({ "content-type": "text/event-stream", "set-cookie": ["a=1", "b=2"] });
  session.destroy();
  await once(session, "close");
});

test("when the registry is closed first, clients that connect meanwhile are drained too, with a 200", async () => {
  const jobs = createRegistry();
  await jobs.open("42");
  const app = fastify();
  app.get("/", (request, reply) => sse(request, reply, jobs.stream("42")));
  const port = await listen(app);
  const early = await request(port, "/");
  const drained = jobs.close();
  const late = await request(port, "/");
  expect(late.statusCode).toBe(200);
  for (const response of [early, late]) expect(await text(response)).toContain("stream.drain");
  await drained;
  await app.close();
});

test("`return503OnClosing: false` with a `preClose` hook does the same", async () => {
  const jobs = createRegistry();
  await jobs.open("42");
  const app = fastify({ return503OnClosing: false });
  let late: IncomingMessage | undefined;
  app.addHook("preClose", async () => {
    const drained = jobs.close();
    late = await request(port, "/");
    await drained;
  });
  app.get("/", (request, reply) => sse(request, reply, jobs.stream("42")));
  const port = await listen(app);
  const early = await request(port, "/");
  await app.close();
  expect(late?.statusCode).toBe(200);
  for (const response of [early, late as IncomingMessage])
    expect(await text(response)).toContain("stream.drain");
});

test.each([
  [
    "reads as text",
    { parseAs: "string" },
    (_request: unknown, body: unknown, done: Done) => done(null, body),
  ],
  ["leaves unread", {}, (_request: unknown, _payload: unknown, done: Done) => done(null, undefined)],
] as const)("several streams are asked for by a form, which a parser %s", async (_, options, parse) => {
  const rooms = createRegistry();
  const app = fastify();
  app.addContentTypeParser("application/x-www-form-urlencoded", options as { parseAs: "string" }, parse);
  app.post("/live", (request, reply) =>
    sse(
      request,
      reply,
      multiplex((member) => rooms.channel(member)),
    ),
  );
  const port = await listen(app);
  const response = await fetch(`http://127.0.0.1:${port}/live`, {
    method: "POST",
    body: new URLSearchParams([
      ["mux", "Zk3v9x0q2maZk3v9x0q2ma"],
      ["on", "lobby"],
      ["on", "kitchen"],
    ]),
  });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let received = "";
  while (!received.includes('{"member":"kitchen"}')) {
    const { done, value } = (await reader?.read()) ?? { done: true };
    if (done) throw new Error(`The response has ended: ${received}`);
    received += value;
  }
  expect(received).toContain('{"member":"lobby"}');
  expect(rooms.gauges().connections).toBe(1);
  await reader?.cancel();
});

type Done = (error: null, body: unknown) => void;
