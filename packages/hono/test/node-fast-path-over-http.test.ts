import { once } from "node:events";
import { type Server, ServerResponse } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import { createRegistry, type Source, sse } from "@holdfast/hono";
import { createAdaptorServer } from "@hono/node-server";
import { type Context, Hono, type MiddlewareHandler } from "hono";
import { compress } from "hono/compress";
import { secureHeaders } from "hono/secure-headers";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { listen } from "@holdfast/conformance";

afterEach(() => vi.restoreAllMocks());

/** A client of a Hono app, on Node. */
async function visit(
  source: Source,
  before: MiddlewareHandler[] = [],
  around: (response: Response) => Response = (response) => response,
): Promise<{
  res: ServerResponse;
  headers: Headers;
  until: (part: string) => Promise<void>;
  end(): Promise<string>;
}> {
  let context: Context | undefined;
  const app = new Hono();
  for (const middleware of before) app.use(middleware);
  app.get("/", (c) => sse((context = c), source));
  const server = createAdaptorServer({
    fetch: async (request, env) => around(await app.fetch(request, env)),
  });
  const { port, close } = await listen(server as Server);
  onTestFinished(close);
  const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { "accept-encoding": "gzip" } });
  const reader = (response.body as ReadableStream<Uint8Array>)
    .pipeThrough(new TextDecoderStream())
    .getReader();
  let text = "";
  const read = async (): Promise<boolean> => {
    const { done, value = "" } = await reader.read();
    text += value;
    return !done;
  };
  return {
    res: (context as unknown as Context).env.outgoing,
    headers: response.headers,
    async until(part) {
      while (!text.includes(part)) if (!(await read())) throw new Error(`It has ended: ${text}`);
    },
    async end() {
      while (await read());
      return text;
    },
  };
}

/** Whether what is pushed is with Node's response one nudge later, before a body could be read. */
async function isShort(res: ServerResponse, push: () => void): Promise<boolean> {
  const write = vi.spyOn(res, "write");
  push();
  // The nudge; what is read from a body comes later.
  await new Promise<void>((resolve) => void Promise.resolve().then(() => process.nextTick(resolve)));
  const calls = write.mock.calls.length;
  write.mockRestore();
  return calls > 0;
}

test("behind Hono on Node, events go to Node's response by the short way", async () => {
  const job = await createRegistry().open("job");
  const client = await visit(job);
  await client.until("stream.live");
  for (let number = 1; number <= 3; number++) {
    job.push({ data: `event ${number}` });
    await client.until(`event ${number}`);
  }
  expect(await isShort(client.res, () => job.push({ data: "last" }))).toBe(true);
  await job.end();
  const text = await client.end();
  expect([...text.matchAll(/^data: (event \d|last)$/gm)].map(([, data]) => data)).toEqual([
    "event 1",
    "event 2",
    "event 3",
    "last",
  ]);
  expect(text).toMatch(/stream\.end\nid: \w+\.5\.end\n/);
});

test("headers that middleware sets after the handler are there", async () => {
  const job = await createRegistry().open("job");
  const late: MiddlewareHandler = async (c, next) => {
    await next();
    await new Promise((resolve) => setTimeout(resolve, 5));
    c.header("x-late", "yes");
  };
  const client = await visit(job, [secureHeaders(), late]);
  await client.until("stream.live");
  expect(client.headers.get("x-late")).toBe("yes");
  expect(client.headers.get("x-content-type-options")).toBe("nosniff");
  await job.end();
  await client.end();
});

describe("who changes the body is not passed over", () => {
  const transformable: MiddlewareHandler = async (c, next) => {
    await next();
    c.res.headers.delete("cache-control");
  };
  const shout = new TransformStream<string, string>({
    transform: (text, controller) => controller.enqueue(text.toUpperCase()),
  });
  const shouting = (body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> =>
    body.pipeThrough(new TextDecoderStream()).pipeThrough(shout).pipeThrough(new TextEncoderStream());

  test.each<readonly [string, MiddlewareHandler[], ((response: Response) => Response) | undefined, RegExp]>([
    ["compression", [compress({ contentTypeFilter: () => true }), transformable], undefined, /event 5/],
    [
      "middleware",
      [
        async (c, next) => {
          await next();
          c.res = new Response(shouting(c.res.body as ReadableStream<Uint8Array>), c.res);
        },
      ],
      undefined,
      /EVENT 5/,
    ],
    [
      "whoever stands around the app, and only looks",
      [],
      (response) => new Response(response.body?.pipeThrough(new TransformStream()), response),
      /event 5/,
    ],
  ])("%s", async (_who, middleware, around, last) => {
    const job = await createRegistry().open("job");
    const client = await visit(job, middleware, around);
    const shorts: boolean[] = [];
    for (let number = 1; number <= 5; number++) {
      shorts.push(await isShort(client.res, () => job.push({ data: `event ${number}` })));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await job.end();
    expect(await client.end()).toMatch(last);
    expect(shorts).toEqual([false, false, false, false, false]);
  });
});

test("over HTTP/2 as well", async () => {
  const { connect } = await import("node:http2");
  const job = await createRegistry().open("job");
  let context: Context | undefined;
  const app = new Hono();
  app.get("/", (c) => sse((context = c), job));
  const server = createAdaptorServer({ fetch: app.fetch, createServer: createHttp2Server });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  const session = connect(`http://127.0.0.1:${port}`);
  onTestFinished(() => session.destroy());
  const stream = session.request({ ":path": "/" }).setEncoding("utf8");
  let text = "";
  let heard: () => void = () => undefined;
  stream.on("data", (part: string) => {
    text += part;
    heard();
  });
  const until = async (part: string): Promise<void> => {
    while (!text.includes(part)) await new Promise<void>((resolve) => (heard = resolve));
  };
  await until("stream.live");
  for (let number = 1; number <= 3; number++) {
    job.push({ data: `event ${number}` });
    await until(`event ${number}`);
  }
  const { outgoing } = (context as unknown as Context).env as { outgoing: ServerResponse };
  expect(await isShort(outgoing, () => job.push({ data: "last" }))).toBe(true);
  const over = once(stream, "end");
  await job.end();
  await over;
  expect(text.match(/^data: (event|last)/gm)).toHaveLength(4);
});
