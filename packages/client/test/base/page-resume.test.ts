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
      const count = (_type: string, _listener: unknown, { signal }: { signal: AbortSignal }): void => {
        listeners++;
        signal.addEventListener("abort", () => listeners--);
      };
      if (target === window) vi.stubGlobal("addEventListener", count);
      else Object.assign(target, { addEventListener: count });
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
