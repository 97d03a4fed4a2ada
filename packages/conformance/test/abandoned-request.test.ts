import { toResponse } from "@holdfast/core";
import { expect, test } from "vitest";
import { eventually } from "../src/harness/eventually.ts";
import { collectGarbage } from "./support/collect-garbage.ts";
import { testRegistry } from "./support/test-registry.ts";

// Covers the abort signals in core. The signal of a `Request` created with `{ signal }` follows it only until the `Request`
// is garbage-collected.
test("a disconnect is noticed although the request was garbage-collected", async () => {
  const { registry, recorded } = testRegistry();
  const job = await registry.open("job");
  const client = new AbortController();
  const sources = [job, registry.stream("later"), () => undefined];
  await Promise.all(
    sources.map((source) =>
      toResponse(new Request("http://127.0.0.1/", { signal: client.signal }), source, {
        observer: recorded.observer,
      }),
    ),
  );
  expect(recorded.opened).toBe(3);
  await collectGarbage();
  client.abort();
  await eventually(() => expect(recorded.closed).toHaveLength(3));
  expect(registry.gauges()).toMatchObject({ connections: 0, waiting: 0 });
});
