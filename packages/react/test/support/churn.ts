import type { ReactNode } from "react";
import { expect, onTestFinished, vi } from "vitest";
import { createFakeServer } from "../../../client/test/support/fake-server.ts";
import { event, URL_OF_JOB } from "../../../client/test/support/follow.ts";
import type { Loaded } from "./react.ts";

/** Mounts a component and changes its URL so many times, under StrictMode. In the end nothing may be left. */
export async function churn(
  { client, dom, react, streams, useStream }: Loaded,
  times: number,
): Promise<void> {
  // It fails the test if a response, or a timer of the client, is left.
  const server = createFakeServer();
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  server.onRequest = (exchange) => exchange.open(event("1", "1"));
  function Item({ id }: { id: number }): ReactNode {
    return useStream(`${URL_OF_JOB}/${id}`, { fetch: server.fetch, clock: server.clock }).messages.length;
  }
  const root = client.createRoot(document.createElement("div"));
  for (let id = 0; id < times; id++) {
    // Every other time it is mounted anew; in between, only its URL changes.
    const item = react.createElement(Item, { key: id >> 1, id });
    dom.flushSync(() => root.render(react.createElement(react.StrictMode, null, item)));
    await server.clock.flush();
    // At different times after the change, before and after the old stream is let go.
    vi.advanceTimersByTime(id % 7 === 0 ? 200 : 30);
    expect(streams.size).toBeLessThan(10);
  }
  expect(server.requests).toBe(times);
  dom.flushSync(() => root.unmount());
  vi.advanceTimersByTime(200);
  await server.clock.flush();
  expect(streams.size).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
}
