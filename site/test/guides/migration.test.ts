import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { createRegistry, toResponse } from "@holdfast/core";
import { expect, onTestFinished, test } from "vitest";
import { connectPagesTo, eventually, load, type Service } from "../support/load.ts";

/** Reads a response until `text` has arrived. */
async function readUntil(response: Response, text: string): Promise<string> {
  let read = "";
  for await (const bytes of response.body ?? []) {
    read += new TextDecoder().decode(bytes);
    if (read.includes(text)) return read;
  }
  throw new Error(`"${text}" did not come: ${read}`);
}

test.each(["better-sse-before.ts", "better-sse-after.ts"])("%s sends prices", async (file) => {
  type Ticker = { app: RequestListener; announce: (price: number) => unknown };
  const { app, announce } = await load<Ticker>("migration", file);
  const server = createServer(app).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/ticker`);
  let hasPrice = false;
  void readUntil(response, '{"price":7}').then(() => (hasPrice = true));
  // With better-sse, what is announced before the session is registered does not arrive.
  await eventually(() => {
    announce(7);
    expect(hasPrice).toBe(true);
  });
});

test.each(["hono-before.ts", "hono-after.ts"])("%s counts to three", async (file) => {
  const { app } = await load<Service>("migration", file);
  const text = await (await app.request("/count")).text();
  expect([...text.matchAll(/data: \{"n":(\d)\}/g)].map(([, n]) => n)).toEqual(["1", "2", "3"]);
});

test("hono-after.ts goes on behind the cursor", async () => {
  const { app } = await load<Service>("migration", "hono-after.ts");
  const response = await app.request("/count", { headers: { "last-event-id": "2" } });
  expect([...(await response.text()).matchAll(/data: \{"n":(\d)\}/g)].map(([, n]) => n)).toEqual(["3"]);
});

test("fetch-event-source-after.ts asks once, and reads the answer", async () => {
  type Page = { ask: (prompt: string, show: (text: string) => void, signal: AbortSignal) => Promise<void> };
  const { ask } = await load<Page>("migration", "fetch-event-source-after.ts");
  const answers = createRegistry();
  const answer = await answers.open("current");
  answer.push({ event: "token", data: "Once" });
  await answer.end();
  const requests: string[] = [];
  connectPagesTo(async (request) => {
    requests.push(`${request.method} ${await request.text()}`);
    return toResponse(request, answers.stream("current"));
  });
  const shown: string[] = [];
  await ask("a tale", (text) => shown.push(text), new AbortController().signal);
  expect(shown).toEqual(["Once"]);
  expect(requests).toEqual(['POST {"prompt":"a tale"}']);
});

test("socket-io-after.ts tells the lobby what is said", async () => {
  const { app } = await load<Service>("migration", "socket-io-after.ts");
  const response = await app.request("/lobby");
  await app.request("/lobby", { method: "POST", body: "hello" });
  await readUntil(response, "data: hello\n");
});
