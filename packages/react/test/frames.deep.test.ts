import type { ReactNode } from "react";
import { text } from "@holdfast/client";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { createFakeServer, type FakeServer } from "../../client/test/support/fake-server.ts";
import { event, URL_OF_JOB } from "../../client/test/support/follow.ts";
import { type FakeFrames, fakeFrames } from "./support/frames.ts";
import { type Loaded, loadReact } from "./support/react.ts";

describe.each(["19", "18"] as const)("React %s", (version) => {
  let loaded: Loaded;
  let server: FakeServer;
  let frames: FakeFrames;
  let renders = 0;
  let shown = "";
  beforeEach(async () => {
    // Each test has its own time, which the module must not compare with that of the one before.
    loaded = await loadReact(version);
    server = createFakeServer();
    frames = fakeFrames();
    renders = 0;
  });

  /** Counts the events, of two streams, and what is rendered. */
  function Counter(): ReactNode {
    const count = (url: string): { value: number } =>
      loaded.useStream(url, {
        fetch: server.fetch,
        clock: server.clock,
        events: { tick: text },
        reduce: (value: number, { data }: { readonly data: string }) => (data === "" ? value : value + 1),
        initial: 0,
      });
    renders++;
    shown = `${count(`${URL_OF_JOB}/a`).value}, ${count(`${URL_OF_JOB}/b`).value}`;
    return shown;
  }

  /** Two streams are open, and shown. */
  async function start(): Promise<() => Promise<void>> {
    const root = loaded.client.createRoot(document.createElement("div"));
    root.render(loaded.react.createElement(Counter));
    await vi.waitFor(() => expect(server.requests).toBe(2));
    for (const exchange of server.exchanges) exchange.open();
    await server.clock.flush();
    frames.show(performance.now());
    await server.clock.flush();
    renders = 0;
    const end = async (): Promise<void> => {
      root.unmount();
      await server.clock.flush();
      vi.advanceTimersByTime(1_000);
      expect(loaded.streams.size).toBe(0);
      expect(vi.getTimerCount()).toBe(0);
      expect(frames.pending).toBe(0);
    };
    onTestFinished(end);
    return end;
  }

  /** One second of 1,000 events in each stream, on a screen with frames every so many ms. */
  async function second(interval: number): Promise<void> {
    let frame = interval;
    for (let ms = 1; ms <= 1_000; ms++) {
      vi.advanceTimersByTime(1);
      for (const exchange of server.exchanges) exchange.send(event("x", undefined, "tick"));
      await server.clock.flush();
      for (; frame <= ms; frame += interval) {
        frames.show(performance.now());
        await server.clock.flush();
      }
    }
  }

  test.each([
    ["60 Hz", 1_000 / 60, 55, 60],
    ["62 Hz", 1_000 / 62, 45, 60],
    ["125 Hz", 1_000 / 125, 45, 60],
    ["144 Hz", 1_000 / 144, 45, 60],
  ])("two streams of 1,000 events a second on a screen of %s", async (_name, interval, least, most) => {
    await start();
    await second(interval);
    expect(renders).toBeLessThanOrEqual(most);
    expect(renders).toBeGreaterThanOrEqual(least);
    frames.show(performance.now() + 100);
    await server.clock.flush();
    expect(shown).toBe("1000, 1000");
  });

  test("a runtime without frames renders at most 60 times a second, too", async () => {
    vi.stubGlobal("requestAnimationFrame", undefined);
    await start();
    vi.advanceTimersByTime(100);
    await server.clock.flush();
    renders = 0;
    await second(Infinity);
    expect(renders).toBeLessThanOrEqual(60);
    expect(renders).toBeGreaterThanOrEqual(50);
    vi.advanceTimersByTime(100);
    await server.clock.flush();
    expect(shown).toBe("1000, 1000");
  });

  test("a hidden page, which has no frames, goes on, and is up to date when it is shown again", async () => {
    await start();
    await second(Infinity);
    expect(renders).toBeLessThanOrEqual(10);
    expect(renders).toBeGreaterThanOrEqual(8);
    expect(frames.pending).toBeLessThanOrEqual(1);
    frames.show(performance.now());
    await server.clock.flush();
    expect(shown).toBe("1000, 1000");
  });

  test("nothing is rendered if nothing has changed", async () => {
    await start();
    for (const exchange of server.exchanges) exchange.send(": a comment\n\n");
    await server.clock.flush();
    expect(frames.pending).toBe(0);
    // They do not change the value.
    for (const exchange of server.exchanges) exchange.send(event("", undefined, "tick"));
    await server.clock.flush();
    expect(frames.pending).toBe(1);
    frames.show(performance.now() + 1_000);
    await server.clock.flush();
    expect(renders).toBe(0);
  });
});
