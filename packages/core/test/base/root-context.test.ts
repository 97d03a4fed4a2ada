import { AsyncLocalStorage } from "node:async_hooks";
import { expect, test } from "vitest";
import { runInRootContext } from "../../src/base/root-context.ts";
import { createTestRegistry } from "../support/test-registry.ts";

const request = new AsyncLocalStorage<string>();

test("a function sees nothing of the request in which it is called", () => {
  const seen = request.run("a request", () => [
    request.getStore(),
    runInRootContext(() => request.getStore()),
  ]);
  expect(seen).toEqual(["a request", undefined]);
});

test("the observer is called outside the context of requests and producers", async () => {
  const contexts: unknown[] = [];
  const see = (): void => void contexts.push(request.getStore());
  const { registry, connect, clock } = createTestRegistry({
    observer: {
      streamOpened: see,
      pushed: see,
      connectionOpened: see,
      delivered: see,
      replayed: see,
      failed: see,
      connectionClosed: see,
    },
  });
  const job = await request.run("producer", () => registry.open("a"));
  request.run("producer", () => job.push({ data: 1 }));
  const client = request.run("reader", () => connect("a"));
  await request.run("somebody", () => clock.flush());
  await request.run("producer", () => job.fail(new Error("x")));
  await clock.flush();
  await client.over;
  expect(contexts.length).toBeGreaterThan(5);
  expect(new Set(contexts)).toEqual(new Set([undefined]));
});
