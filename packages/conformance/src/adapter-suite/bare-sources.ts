import assert from "node:assert/strict";
import { type BareName, SECRET } from "../subject/bare-sources.ts";
import { assertRetry } from "../harness/expectations.ts";
import { dataOf, eventsOf, framesOf } from "../wire/frames.ts";
import type { Suite } from "../harness/suite.ts";

const TERMINAL_ID = /^[0-9a-z]{10}\.0\.end$/;

/** A bare source serves one client, to its end, and is not run again. */
export function bareSources({ test }: Suite): void {
  const kinds: [string, BareName][] = [
    ["a generator", "generator"],
    ["a function that returns a generator", "functionOfGenerator"],
    ["a function that resolves to a generator", "promiseOfGenerator"],
    ["a web stream", "webStream"],
    ["a function that pushes", "pushing"],
    ["a function that pushes later", "pushingLater"],
  ];
  for (const [name, bare] of kinds) {
    test(`sends it to its end, and then answers 204: ${name}`, async (start) => {
      const server = await start();
      const path = await server.serve({ bare });
      const client = await server.get(path);
      assert.equal(await client.finished(), "ended");
      assert.deepEqual(eventsOf(client.text), [{ data: "1" }, { data: "2" }, { data: "3" }]);
      const frames = framesOf(client.text);
      assert(frames[0]?.retry !== undefined);
      const id = frames.at(-1)?.id ?? "";
      assert.deepEqual(frames.at(-1), { event: "stream.end", id, data: '{"status":"done"}' });
      assert.match(id, TERMINAL_ID);
      await server.until(({ closed }) => assert.equal(closed[0]?.reason, "closed"));
      const again = await server.get(path, { headers: { "last-event-id": id } });
      assert.equal(again.status, 204);
      assert.equal(await again.finished(), "ended");
      assert.equal((await server.observed()).opened, 1);
    });
  }

  test("sends the ids of its events, and passes the client's cursor to it", async (start) => {
    const server = await start();
    const path = await server.serve({ bare: "rows" });
    const first = await server.get(path);
    assert.equal(await first.finished(), "ended");
    assert.deepEqual(eventsOf(first.text), [{ event: "row", id: "1", data: '{"seen":null}' }]);
    const second = await server.get(path, { headers: { "last-event-id": "41" } });
    assert.equal(await second.finished(), "ended");
    assert.deepEqual(eventsOf(second.text), [{ event: "row", id: "42", data: '{"seen":"41"}' }]);
  });

  const throwing: [string, BareName][] = [
    ["a generator", "throwingGenerator"],
    ["a function", "throwingFunction"],
    ["a function that rejects", "rejectingFunction"],
  ];
  for (const [name, bare] of throwing) {
    test(`sends stream.error without the text of the error when it throws: ${name}`, async (start) => {
      const server = await start();
      const client = await server.get(await server.serve({ bare }));
      assert.equal(await client.finished(), "ended");
      assert.deepEqual(eventsOf(client.text), [{ data: "before" }]);
      const { retryAfter, ...error } = dataOf(client.text, "stream.error") as Record<string, unknown>;
      assert.deepEqual(error, { code: "SOURCE_FAILED", message: "The stream failed.", retryable: true });
      const last = framesOf(client.text).at(-1);
      assert.deepEqual([last?.retry, last?.id], [String(retryAfter), undefined]);
      assertRetry(last?.retry, 5_000, 30_000);
      assert(!client.text.includes(SECRET));
      const { failed } = await server.until(({ closed }) => assert.equal(closed[0]?.reason, "failed"));
      assert.deepEqual(failed, [{ stage: "source", message: SECRET }]);
      await server.clearFailures();
    });
  }

  test("sends an error that it yields, and continues", async (start) => {
    const server = await start();
    const client = await server.get(await server.serve({ bare: "yieldingError" }));
    assert.equal(await client.finished(), "ended");
    assert.deepEqual(dataOf(client.text, "stream.error"), {
      code: "SOURCE_FAILED",
      message: "The model is busy.",
      retryable: true,
      retryAfter: 2_000,
    });
    assert.deepEqual(eventsOf(client.text), [{ data: "after" }]);
  });
}
