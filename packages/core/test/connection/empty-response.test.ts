import { expect, test } from "vitest";
import { respondWithoutStream, sendEmptyResponse } from "../../src/connection/empty-response.ts";
import { createMemoryClient } from "../../src/testing/index.ts";

test("an empty response has a status and headers, and resolves when it is over", async () => {
  const client = createMemoryClient();
  const headers = { "retry-after": "5" };
  expect(await sendEmptyResponse(client.open, 503, headers)).toEqual({ status: 503 });
  expect([client.status, client.headers, client.text, client.state]).toEqual([503, headers, "", "flushed"]);
});

test("by default an empty response must not be cached", () => {
  const client = createMemoryClient();
  void sendEmptyResponse(client.open, 404);
  expect(client.headers).toEqual({ "cache-control": "no-store" });
});

test("a request that an adapter has to serve gets no response here", () => {
  for (const options of [{}, { cursor: "abcdefghij.4" }, { method: "POST" }, { cursor: "anything" }]) {
    const client = createMemoryClient(options);
    expect(respondWithoutStream(client.request, client.open)).toBeUndefined();
    expect(client.status).toBeUndefined();
  }
});

test("a terminal id gets a 204, which keeps the client from reconnecting", async () => {
  const client = createMemoryClient({ cursor: "abcdefghij.4.end" });
  expect(await respondWithoutStream(client.request, client.open)).toEqual({ status: 204 });
  expect([client.status, client.text, client.state]).toEqual([204, "", "flushed"]);
});

test("HEAD gets the headers of a stream, also with a terminal id", async () => {
  const client = createMemoryClient({ method: "HEAD", cursor: "abcdefghij.4.end" });
  await respondWithoutStream(client.request, client.open);
  expect([client.status, client.headers["content-type"], client.text]).toEqual([
    200,
    "text/event-stream",
    "",
  ]);
});

test("a client that has left gets a 499, whatever it requested", async () => {
  for (const options of [{}, { method: "HEAD" }, { cursor: "abcdefghij.4.end" }]) {
    const client = createMemoryClient(options);
    client.leave();
    expect(await respondWithoutStream(client.request, client.open)).toEqual({ status: 499 });
  }
});
