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

/** Connects a client to a Hono app on Node. */
async function connectClient(
  source: Source,
  middlewares: MiddlewareHandler[] = [],
  wrap: (response: Response) => Response = (response) => response,
): Promise<{
  res: ServerResponse;
  headers: Headers;
  until: (part: string) => Promise<void>;
  end(): Promise<string>;
}> {
  let context: Context | undefined;
  const app = new Hono();
  for (const middleware of middlewares) app.use(middleware);
  app.get("/", (c) => sse((context = c), source));
  const server = createAdaptorServer({
    fetch: async (request, env) => wrap(await app.fetch(request, env)),
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
      while (!text.includes(part)) if (!(await read())) throw new Error(`The response has ended: ${text}`);
    },
    async end() {
      while (await read());
      return text;
    },
  };
}

/** Whether a pushed event is written to Node's response in the next tick, before the body could be read. */
async function usesFastPath(res: ServerResponse, push: () => void): Promise<boolean> {
  const write = vi.spyOn(res, "write");
  push();
  // Readers are notified in the next tick; reading from the body would take longer.
  await new Promise<void>((resolve) => void Promise.resolve().then(() => process.nextTick(resolve)));
  const calls = write.mock.calls.length;
  write.mockRestore();
  return calls > 0;
}

test("with Hono on Node, events take the fast path to Node's response", async () => {
  const job = await createRegistry().open("job");
  const client = await connectClient(job);
  await client.until("stream.live");
  for (let number = 1; number <= 3; number++) {
    job.push({ data: `event ${number}` });
    await client.until(`event ${number}`);
  }
  expect(await usesFastPath(client.res, () => job.push({ data: "last" }))).toBe(true);
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

test("headers that middleware sets after the handler are sent", async () => {
  const job = await createRegistry().open("job");
  const late: MiddlewareHandler = async (c, next) => {
    await next();
    await new Promise((resolve) => setTimeout(resolve, 5));
    c.header("x-late", "yes");
  };
  const client = await connectClient(job, [secureHeaders(), late]);
  await client.until("stream.live");
  expect(client.headers.get("x-late")).toBe("yes");
  expect(client.headers.get("x-content-type-options")).toBe("nosniff");
  await job.end();
  await client.end();
});

describe("code that wraps the body is not bypassed", () => {
  const transformable: MiddlewareHandler = async (c, next) => {
    await next();
    c.res.headers.delete("cache-control");
  };
  const upperCase = new TransformStream<string, string>({
    transform: (text, controller) => controller.enqueue(text.toUpperCase()),
  });
  const toUpperCase = (body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> =>
    body.pipeThrough(new TextDecoderStream()).pipeThrough(upperCase).pipeThrough(new TextEncoderStream());

  test.each<readonly [string, MiddlewareHandler[], ((response: Response) => Response) | undefined, RegExp]>([
    ["compression", [compress({ contentTypeFilter: () => true }), transformable], undefined, /event 5/],
    [
      "middleware",
      [
        async (c, next) => {
          await next();
          c.res = new Response(toUpperCase(c.res.body as ReadableStream<Uint8Array>), c.res);
        },
      ],
      undefined,
      /EVENT 5/,
    ],
    [
      "a wrapper of the app that passes the body through",
      [],
      (response) => new Response(response.body?.pipeThrough(new TransformStream()), response),
      /event 5/,
    ],
  ])("%s", async (_name, middlewares, wrap, last) => {
    const job = await createRegistry().open("job");
    const client = await connectClient(job, middlewares, wrap);
    const fastPathUsed: boolean[] = [];
    for (let number = 1; number <= 5; number++) {
      fastPathUsed.push(await usesFastPath(client.res, () => job.push({ data: `event ${number}` })));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await job.end();
    expect(await client.end()).toMatch(last);
    expect(fastPathUsed).toEqual([false, false, false, false, false]);
  });
});

test("events take the fast path over HTTP/2 too", async () => {
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
  let onData: () => void = () => undefined;
  stream.on("data", (part: string) => {
    text += part;
    onData();
  });
  const until = async (part: string): Promise<void> => {
    while (!text.includes(part)) await new Promise<void>((resolve) => (onData = resolve));
  };
  await until("stream.live");
  for (let number = 1; number <= 3; number++) {
    job.push({ data: `event ${number}` });
    await until(`event ${number}`);
  }
  const { outgoing } = (context as unknown as Context).env as { outgoing: ServerResponse };
  expect(await usesFastPath(outgoing, () => job.push({ data: "last" }))).toBe(true);
  const over = once(stream, "end");
  await job.end();
  await over;
  expect(text.match(/^data: (event|last)/gm)).toHaveLength(4);
});
