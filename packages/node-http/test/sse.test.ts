import { once } from "node:events";
import { createServer, get, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { createRegistry, type NodeResponse, sse, toExchange } from "../src/index.ts";

async function listen(handle: RequestListener): Promise<Server> {
  const server = createServer(handle).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => server.closeAllConnections());
  onTestFinished(() => void server.close());
  return server;
}

async function fetchFrom(server: Server): Promise<IncomingMessage> {
  const request = get({ port: (server.address() as AddressInfo).port, host: "127.0.0.1" });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  return response;
}

test("a response that has begun is rejected", async () => {
  const jobs = createRegistry();
  let rejection: unknown;
  const server = await listen((req, res) => {
    res.write("begun");
    void sse(req, res, jobs.stream("42")).catch((error: unknown) => {
      rejection = error;
      res.end();
    });
  });
  const response = await fetchFrom(server);
  response.resume();
  await once(response, "end");
  expect(rejection).toMatchObject({ code: "INVALID_OPTION" });
  expect(jobs.gauges().connections).toBe(0);
});

test("nothing is registered for a response that has already ended", async () => {
  const jobs = createRegistry({ wait: Infinity });
  let over: Promise<void> | undefined;
  const server = await listen((req, res) => {
    res.writeHead(503).end("Too late.");
    res.once("close", () => {
      over = sse(req, res, jobs.stream("42"));
    });
  });
  const response = await fetchFrom(server);
  response.resume();
  await once(response, "end");
  await over;
  expect(response.statusCode).toBe(503);
  expect(over).toBeDefined();
  expect(jobs.gauges()).toMatchObject({ connections: 0, waiting: 0 });
});

test("when a response is served twice, the second call is rejected and the first continues", async () => {
  const jobs = createRegistry();
  const job = await jobs.open("42");
  let second: unknown;
  const server = await listen((req, res: NodeResponse) => {
    void sse(req, res, job);
    void sse(req, res, job).catch((error: unknown) => {
      second = error;
      void job.end();
    });
  });
  const response = await fetchFrom(server);
  let text = "";
  response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  await once(response, "end");
  expect(second).toMatchObject({ code: "INVALID_OPTION" });
  expect(text.match(/stream\.open/g)).toHaveLength(1);
});

test.each([
  ["in the wrong order", "The request comes first: `sse(req, res, source)`."],
  ["of which none is a response", "`res` must be a response of `node:http`"],
])("arguments %s are rejected, and the error says so", async (how, message) => {
  const jobs = createRegistry();
  const rejections: unknown[] = [];
  const server = await listen((req, res) => {
    const first = how === "in the wrong order" ? res : req;
    void sse(first as never, req as never, jobs.stream("42")).catch((error: unknown) => {
      rejections.push(error);
      res.end();
    });
  });
  const response = await fetchFrom(server);
  response.resume();
  await once(response, "end");
  expect(rejections).toEqual([
    expect.objectContaining({ code: "INVALID_OPTION", message: expect.stringContaining(message) as string }),
  ]);
});

test("a copy of the request of an exchange has its signal", async () => {
  const server = createServer((req, res) => {
    const { request } = toExchange(req, res);
    const copy = { ...request };
    res.end(String(copy.signal instanceof AbortSignal && !copy.signal.aborted && copy.method === "GET"));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  expect(await response.text()).toBe("true");
});
