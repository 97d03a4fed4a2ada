import { http, HttpResponse, sse } from "msw";
import { setupServer } from "msw/node";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { connect, json, ResilientEventSource } from "../src/index.ts";

/* How to test your own code against a stream with Mock Service Worker. */
const server = setupServer();
beforeAll(() => server.listen());
// `sse` demands that there is one, which Node has only with `--experimental-eventsource`.
beforeEach(() => void vi.stubGlobal("EventSource", ResilientEventSource));
afterEach(() => server.resetHandlers());
afterAll(() => server.close());

const URL_OF_JOB = "http://server.test/jobs/42";
const withoutDelay = { backoff: { base: 0 } };

test("a mocked stream is read", async () => {
  server.use(
    sse<{ progress: string; done: string }>(URL_OF_JOB, ({ client }) => {
      client.send({ id: "1", event: "progress", data: `{"done":1,"total":2}` });
      client.send({ id: "2", event: "done", data: `"both"` });
    }),
  );
  const events = { progress: json<{ done: number; total: number }>(), done: json<string>() };
  const messages = [];
  for await (const message of connect(URL_OF_JOB, { events })) {
    messages.push(message);
    if (message.event === "done") break;
  }
  expect(messages).toEqual([
    { id: "1", event: "progress", data: { done: 1, total: 2 } },
    { id: "2", event: "done", data: "both" },
  ]);
});

test("a mocked stream that breaks off is resumed", async () => {
  const cursors: (string | null)[] = [];
  server.use(
    sse(URL_OF_JOB, ({ client, request }) => {
      const cursor = request.headers.get("last-event-id");
      cursors.push(cursor);
      client.send({ id: String(Number(cursor) + 1), data: `after ${cursor}` });
      client.close();
    }),
  );
  const data: string[] = [];
  for await (const message of connect(URL_OF_JOB, withoutDelay)) {
    data.push(message.data);
    if (data.length === 3) break;
  }
  expect(data).toEqual(["after null", "after 1", "after 2"]);
  expect(cursors).toEqual([null, "1", "2"]);
});

test("a mocked 404 is an error with its status", async () => {
  server.use(http.get(URL_OF_JOB, () => new HttpResponse(null, { status: 404 })));
  await expect(connect(URL_OF_JOB).next()).rejects.toMatchObject({ reason: "refused", status: 404 });
});

test("a token that has expired is replaced", async () => {
  server.use(
    http.get(URL_OF_JOB, ({ request }) => {
      if (request.headers.get("authorization") !== "Bearer fresh")
        return new HttpResponse(null, { status: 401 });
      const headers = { "content-type": "text/event-stream" };
      return new HttpResponse(`event: stream.end\ndata: {"status":"done"}\n\n`, { headers });
    }),
  );
  const tokens = ["stale", "fresh"];
  const connection = connect(URL_OF_JOB, { headers: () => ({ authorization: `Bearer ${tokens.shift()}` }) });
  expect(await Array.fromAsync(connection)).toEqual([]);
  expect(connection.state).toMatchObject({ status: "closed", reason: "done" });
});

test("a ResilientEventSource reads a mocked stream", async () => {
  server.use(sse(URL_OF_JOB, ({ client }) => client.send({ id: "7", data: "hello" })));
  const source = new ResilientEventSource(URL_OF_JOB);
  const message = await new Promise<{ data: string; lastEventId: string }>((resolve) => {
    source.onmessage = resolve;
  });
  source.close();
  expect(message).toMatchObject({ data: "hello", lastEventId: "7" });
});
