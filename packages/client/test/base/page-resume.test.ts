import { afterEach, describe, expect, test, vi } from "vitest";
import { onPageResume } from "../../src/base/page-resume.ts";
import { createFakeServer } from "../support/fake-server.ts";
import { control, event, follow } from "../support/follow.ts";

test("without a page there is nothing to listen to", () => {
  onPageResume(() => undefined, new AbortController().signal);
});

describe("a page", () => {
  afterEach(() => vi.unstubAllGlobals());

  /** A window and its document, with what the client uses of them. */
  function openPage(): { readonly window: EventTarget; readonly document: EventTarget } {
    const [window, document] = [new EventTarget(), new EventTarget()];
    vi.stubGlobal("addEventListener", window.addEventListener.bind(window));
    vi.stubGlobal("removeEventListener", window.removeEventListener.bind(window));
    vi.stubGlobal("document", document);
    return { window, document };
  }

  const SIGNS = [
    ["window", "online"],
    ["window", "pageshow"],
    ["document", "resume"],
    ["document", "visibilitychange"],
  ] as const;

  test.each(SIGNS)("that may have been away (%s: %s) is reported until the signal aborts", (target, type) => {
    const page = openPage();
    const abort = new AbortController();
    let calls = 0;
    onPageResume(() => calls++, abort.signal);
    page[target].dispatchEvent(new Event(type));
    expect(calls).toBe(1);
    abort.abort();
    page[target].dispatchEvent(new Event(type));
    expect(calls).toBe(1);
  });

  test.each(SIGNS)(
    "that may have been away (%s: %s) skips the delay before a retry",
    async (target, type) => {
      const page = openPage();
      const server = createFakeServer();
      await follow(server);
      server.last.cut();
      await server.clock.flush();
      page[target].dispatchEvent(new Event(type));
      await server.clock.flush();
      expect(server.requests).toBe(2);
    },
  );

  test.each(SIGNS)(
    "that may have been away (%s: %s) replaces a connection that is probably dead",
    async (target, type) => {
      const page = openPage();
      const server = createFakeServer();
      const { connection } = await follow(server);
      server.last.open(event("a"));
      await server.clock.advance(30_000);
      page[target].dispatchEvent(new Event(type));
      await server.clock.flush();
      expect(connection.state).toMatchObject({ status: "open" });
      await server.clock.advance(1);
      page[target].dispatchEvent(new Event(type));
      await server.clock.advance(0);
      expect(connection.state).toMatchObject({ status: "connecting" });
      expect(server.requests).toBe(2);
    },
  );

  test.each(SIGNS)(
    "that was away (%s: %s) retries a loss of the next 2 s at once, but once",
    async (target, type) => {
      const page = openPage();
      const server = createFakeServer();
      await follow(server, { random: () => 0.999_999 });
      server.last.open(event("a"));
      await server.clock.advance(100);
      page[target].dispatchEvent(new Event(type));
      await server.clock.advance(500);
      server.last.cut();
      await server.clock.advance(0);
      expect(server.requests).toBe(2);
      server.last.cut();
      await server.clock.advance(1_900);
      expect(server.requests).toBe(2);
    },
  );

  test("that was away retries a later loss after the back-off", async () => {
    const { window } = openPage();
    const server = createFakeServer();
    await follow(server);
    server.last.open(event("a"));
    window.dispatchEvent(new Event("online"));
    await server.clock.advance(2_001);
    server.last.cut();
    await server.clock.advance(499);
    expect(server.requests).toBe(1);
  });

  test("that was away does not beat `Retry-After`", async () => {
    const { window } = openPage();
    const server = createFakeServer();
    await follow(server);
    window.dispatchEvent(new Event("online"));
    server.last.respond(503, { "retry-after": "20" });
    await server.clock.advance(19_999);
    expect(server.requests).toBe(1);
  });

  test("that becomes hidden skips no delay", async () => {
    const { document } = openPage();
    const server = createFakeServer();
    await follow(server);
    server.last.cut();
    await server.clock.flush();
    Object.assign(document, { hidden: true });
    document.dispatchEvent(new Event("visibilitychange"));
    await server.clock.flush();
    expect(server.requests).toBe(1);
  });

  test("that becomes hidden keeps its connection", async () => {
    const { document } = openPage();
    const server = createFakeServer();
    const { connection, messages } = await follow(server);
    Object.assign(document, { hidden: true });
    document.dispatchEvent(new Event("visibilitychange"));
    server.last.open(event("a"));
    await server.clock.flush();
    expect(messages).toHaveLength(1);
    expect(connection.state).toMatchObject({ status: "open" });
  });

  test("has no listeners of a connection that is over", async () => {
    const { window, document } = openPage();
    let listeners = 0;
    for (const target of [window, document]) {
      const [add, remove] = [() => listeners++, () => listeners--];
      if (target === window) {
        vi.stubGlobal("addEventListener", add);
        vi.stubGlobal("removeEventListener", remove);
      } else Object.assign(target, { addEventListener: add, removeEventListener: remove });
    }
    const server = createFakeServer();
    const endings = [
      () => server.last.respond(204),
      () => server.last.respond(404),
      () => server.last.open(control("end", { status: "done" })),
    ];
    for (const end of endings) {
      await follow(server);
      expect(listeners).toBeGreaterThan(0);
      end();
      await server.clock.flush();
      expect(listeners).toBe(0);
    }
    const { connection } = await follow(server);
    connection.close();
    expect(listeners).toBe(0);
  });
});
