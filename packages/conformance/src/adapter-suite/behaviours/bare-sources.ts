import assert from "node:assert/strict";
import { type BareName, SECRET } from "../../subject/sources.ts";
import { dataOf, eventsOf, framesOf } from "../../wire/frames.ts";
import type { Suite } from "../suite.ts";

const TERMINAL_ID = /^[0-9a-z]{10}\.0\.end$/;

/** A source without a stream feeds one client, to its end, and never again. */
export function bareSources({ test }: Suite): void {
  const kinds: [string, BareName][] = [
    ["a generator", "generator"],
    ["a function that gives a generator", "functionOfGenerator"],
    ["a function that promises a generator", "promiseOfGenerator"],
    ["a web stream", "webStream"],
    ["a function that pushes", "pushing"],
    ["a function that pushes later", "pushingLater"],
  ];
  for (const [name, bare] of kinds) {
    test(`to its end, and never again: ${name}`, async (begin) => {
      const server = await begin();
      const path = await server.serve({ bare });
      const client = await server.get(path);
      assert.equal(await client.over(), "ended");
      assert.deepEqual(eventsOf(client.text), [{ data: "1" }, { data: "2" }, { data: "3" }]);
      const frames = framesOf(client.text);
      assert(frames[0]?.retry !== undefined);
      const id = frames.at(-1)?.id ?? "";
      assert.deepEqual(frames.at(-1), { id });
      assert.match(id, TERMINAL_ID);
      await server.until(({ closed }) => assert.equal(closed[0]?.reason, "closed"));
      const again = await server.get(path, { headers: { "last-event-id": id } });
      assert.equal(again.status, 204);
      assert.equal(await again.over(), "ended");
      assert.equal((await server.seen()).opened, 1);
    });
  }

  test("with the ids that it gives, and is told where the client was", async (begin) => {
    const server = await begin();
    const path = await server.serve({ bare: "rows" });
    const first = await server.get(path);
    assert.equal(await first.over(), "ended");
    assert.deepEqual(eventsOf(first.text), [{ event: "row", id: "1", data: '{"seen":null}' }]);
    const second = await server.get(path, { headers: { "last-event-id": "41" } });
    assert.equal(await second.over(), "ended");
    assert.deepEqual(eventsOf(second.text), [{ event: "row", id: "42", data: '{"seen":"41"}' }]);
  });

  const throwing: [string, BareName][] = [
    ["a generator", "throwingGenerator"],
    ["a function", "throwingFunction"],
    ["a function that promises", "rejectingFunction"],
  ];
  for (const [name, bare] of throwing) {
    test(`that throws: the client hears stream.error, and not the text of ${name}`, async (begin) => {
      const server = await begin();
      const client = await server.get(await server.serve({ bare }));
      assert.equal(await client.over(), "ended");
      assert.deepEqual(eventsOf(client.text), [{ data: "before" }]);
      assert.deepEqual(dataOf(client.text, "stream.error"), {
        code: "SOURCE_FAILED",
        message: "The stream failed.",
        retryable: false,
      });
      assert.match(framesOf(client.text).at(-1)?.id ?? "", TERMINAL_ID);
      assert(!client.text.includes(SECRET));
      const { failed } = await server.until(({ closed }) => assert.equal(closed[0]?.reason, "failed"));
      assert.deepEqual(failed, [{ stage: "source", message: SECRET }]);
      await server.forgive();
    });
  }

  test("that tells of an error and goes on", async (begin) => {
    const server = await begin();
    const client = await server.get(await server.serve({ bare: "telling" }));
    assert.equal(await client.over(), "ended");
    assert.deepEqual(dataOf(client.text, "stream.error"), {
      code: "SOURCE_FAILED",
      message: "The model is busy.",
      retryable: true,
      retryAfter: 2_000,
    });
    assert.deepEqual(eventsOf(client.text), [{ data: "after" }]);
  });
}
