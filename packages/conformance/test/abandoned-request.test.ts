import { toResponse } from "@holdfast/core";
import { expect, test } from "vitest";
import { eventually } from "../src/adapter-suite/eventually.ts";
import { collectGarbage } from "./support/garbage.ts";
import { watchedRegistry } from "./support/watched-registry.ts";

// The signal of a `Request` made with `{ signal }` follows that signal only as long as the `Request` lives.
test("a client is seen to leave when its framework has long forgotten the request", async () => {
  const { registry, watch } = watchedRegistry();
  const job = await registry.open("job");
  const peer = new AbortController();
  const sources = [job, registry.stream("later"), () => undefined];
  await Promise.all(
    sources.map((source) =>
      toResponse(new Request("http://127.0.0.1/", { signal: peer.signal }), source, {
        observer: watch.observer,
      }),
    ),
  );
  expect(watch.opened).toBe(3);
  await collectGarbage();
  peer.abort();
  await eventually(() => expect(watch.closed).toHaveLength(3));
  expect(registry.gauges()).toMatchObject({ connections: 0, waiting: 0 });
});
