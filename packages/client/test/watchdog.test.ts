import { afterEach, describe, expect, test, vi } from "vitest";
import { createFakeServer } from "./support/fake-server.ts";
import { control, event, follow, OPEN } from "./support/follow.ts";

describe("who is silent for too long is taken for dead", () => {
  test("before the answer, after 30 s", async () => {
    const server = createFakeServer();
    const { connection } = await follow(server);
    await server.clock.advance(29_999);
    expect(connection.state).toMatchObject({ status: "connecting" });
    await server.clock.advance(1);
    expect(connection.state).toMatchObject({ status: "retrying", reason: "stalled" });
    expect(server.last.isLeft).toBe(true);
  });

  test("while it makes the request", async () => {
    const server = createFakeServer();
    const { connection } = await follow(server, { headers: () => new Promise(() => undefined) });
    await server.clock.advance(30_000);
    expect(connection.state).toMatchObject({ status: "retrying", reason: "stalled" });
    expect(server.requests).toBe(0);
  });

  test("after 45 s, if it has not said how often it beats", async () => {
    const server = createFakeServer();
    const { connection } = await follow(server);
    server.last.open(event("a"));
    await server.clock.advance(44_999);
    expect(connection.state).toMatchObject({ status: "open" });
    await server.clock.advance(1);
    expect(connection.state).toMatchObject({ status: "retrying", reason: "stalled" });
  });

  test("after three heartbeats, if it has", async () => {
    const server = createFakeServer();
    const { connection } = await follow(server);
    server.last.open(control("open", { ...OPEN, heartbeat: 2_000 }));
    await server.clock.advance(5_999);
    expect(connection.state).toMatchObject({ status: "replaying" });
    await server.clock.advance(1);
    expect(connection.state).toMatchObject({ status: "retrying", reason: "stalled" });
  });

  test("never, if it has said that it does not beat", async () => {
    const server = createFakeServer();
    const { connection } = await follow(server);
    server.last.open(control("open", { ...OPEN, heartbeat: null }));
    await server.clock.advance(86_400_000);
    expect(connection.state).toMatchObject({ status: "replaying" });
  });

  test.each([0, -5, 1])("not at once, whatever it says: %i", async (heartbeat) => {
    const server = createFakeServer();
    const { connection } = await follow(server);
    server.last.open(control("open", { ...OPEN, heartbeat }));
    await server.clock.advance(999);
    expect(connection.state).toMatchObject({ status: "replaying" });
  });

  test("as it is set, whatever the server says", async () => {
    const server = createFakeServer();
    const { connection } = await follow(server, { idleTimeout: 700, connectTimeout: 300 });
    await server.clock.advance(300);
    expect(connection.state).toMatchObject({ status: "retrying" });
    await server.clock.advance(500);
    server.last.open(control("open", OPEN));
    await server.clock.advance(699);
    expect(connection.state).toMatchObject({ status: "replaying" });
    await server.clock.advance(1);
    expect(connection.state).toMatchObject({ status: "retrying" });
  });

  test("and any byte is a sign of life", async () => {
    const server = createFakeServer();
    const { connection } = await follow(server);
    server.last.open();
    for (let count = 0; count < 10; count++) {
      await server.clock.advance(40_000);
      server.last.send("x");
    }
    await server.clock.flush();
    expect(connection.state).toMatchObject({ status: "open" });
    expect(server.requests).toBe(1);
  });
});

test("a timer that fires far too late means that the machine slept: it reconnects at once", async () => {
  const server = createFakeServer();
  let asleep = 0;
  const clock = { ...server.clock, now: () => server.clock.now() + asleep };
  const { connection } = await follow(server, { clock });
  server.last.open(event("a", "1"));
  await server.clock.advance(1_000);
  asleep = 3_600_000;
  await server.clock.advance(44_000);
  expect(connection.state).toMatchObject({ status: "connecting", attempt: 1 });
  expect(server.last.header("last-event-id")).toBe("1");
});

describe("a page", () => {
  afterEach(() => vi.unstubAllGlobals());

  /** A window with its document, as far as the client looks at them. */
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

  test.each(SIGNS)("that may have been away (%s: %s) reconnects without delay", async (target, type) => {
    const page = openPage();
    const server = createFakeServer();
    await follow(server);
    server.last.cut();
    await server.clock.flush();
    page[target].dispatchEvent(new Event(type));
    await server.clock.flush();
    expect(server.requests).toBe(2);
  });

  test.each(SIGNS)(
    "that may have been away (%s: %s) looks whether its connection is alive",
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

  test("that is hidden does not hurry", async () => {
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

  test("that is hidden keeps its connection", async () => {
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

  test("keeps no listener of a connection that is over", async () => {
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
      () => server.last.answer(204),
      () => server.last.answer(404),
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
