import { describe, expect, test, vi } from "vitest";
import { createFakeServer, type FakeServer } from "./support/fake-server.ts";
import { control, event, follow, OPEN } from "./support/follow.ts";

describe("backoff", () => {
  test("is 1 s, doubled to 30 s, with full jitter", async () => {
    const server = createFakeServer();
    server.onRequest = (exchange) => exchange.cut();
    await follow(server, { random: () => 1 - Number.EPSILON, giveUpAfter: Infinity });
    await server.clock.advance(130_000);
    expect(server.delays).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  });

  test("may be nothing at all", async () => {
    const server = createFakeServer();
    server.onRequest = (exchange) => {
      if (server.requests < 100) exchange.cut();
    };
    await follow(server, { backoff: { base: 0 } });
    await server.clock.advance(0);
    expect(server.delays).toHaveLength(99);
    expect(new Set(server.delays)).toEqual(new Set([0]));
  });

  test("is as it is set", async () => {
    const server = createFakeServer();
    server.onRequest = (exchange) => exchange.cut();
    await follow(server, { random: () => 0.999_999, backoff: { base: 10, factor: 3, cap: 100 } });
    await server.clock.advance(320);
    expect(server.delays).toEqual([10, 30, 90, 100]);
    await expect(follow(server, { backoff: { base: 10, cap: 1 } })).rejects.toThrow("`backoff` must be");
  });
});

describe("retry:", () => {
  test.each([0, 0.5, 0.999_999])("is the least, with a fifth on top at most", async (random) => {
    const server = createFakeServer();
    await follow(server, { random: () => random });
    server.last.open(`retry: 10000\n\n${event("a")}`).end();
    await server.clock.advance(20_000);
    expect(server.delays).toEqual([Math.round(10_000 * (1 + random / 5))]);
  });

  test("of 0 is at once", async () => {
    const server = createFakeServer();
    await follow(server);
    server.last.open(`retry: 0\n\n${event("a")}`).end();
    await server.clock.advance(0);
    expect(server.requests).toBe(2);
  });

  test("stays for the failures behind it, which only make it longer", async () => {
    const server = createFakeServer();
    await follow(server);
    server.last.open(`retry: 3000\n\n${event("a")}`).end();
    server.onRequest = (exchange) => exchange.cut();
    await server.clock.advance(40_000);
    expect(server.delays.slice(0, 6)).toEqual([3_300, 3_300, 3_300, 3_300, 4_000, 8_000]);
  });

  test.each(["99999999999", "9".repeat(400)])(
    "of %s sends nobody away for longer than two minutes",
    async (retry) => {
      const server = createFakeServer();
      await follow(server, { random: () => 0 });
      server.last.open(`retry: ${retry}\n\n${event("a")}`).end();
      await server.clock.advance(120_000);
      expect(server.delays).toEqual([120_000]);
    },
  );
});

describe("Retry-After", () => {
  test.each([429, 503])("of a %i is honoured in seconds", async (status) => {
    const server = createFakeServer();
    await follow(server, { random: () => 0 });
    server.last.answer(status, { "retry-after": "17" });
    await server.clock.advance(20_000);
    expect(server.delays).toEqual([17_000]);
  });

  test("is honoured as a date", async () => {
    const server = createFakeServer();
    await server.clock.advance(Date.UTC(2026, 0, 1));
    await follow(server, { random: () => 0 });
    server.last.answer(503, { "retry-after": new Date(server.clock.now() + 40_000).toUTCString() });
    await server.clock.advance(60_000);
    expect(server.delays).toEqual([40_000]);
  });

  test.each(["soon", "-5", "", "Wed, 31 Dec 1969 00:00:00 GMT"])("of %j is none", async (value) => {
    const server = createFakeServer();
    await follow(server);
    server.last.answer(503, { "retry-after": value });
    await server.clock.advance(1_000);
    expect(server.delays).toEqual([500]);
  });

  test("is not shortened by a page that is looked at", async () => {
    const server = createFakeServer();
    const page = new EventTarget();
    vi.stubGlobal("document", page);
    await follow(server);
    server.last.answer(503, { "retry-after": "30" });
    await server.clock.advance(1_000);
    page.dispatchEvent(new Event("visibilitychange"));
    await server.clock.advance(10_000);
    expect(server.requests).toBe(1);
    vi.unstubAllGlobals();
  });
});

describe("a healthy connection makes failures forgotten", () => {
  async function afterFailures(then: (server: FakeServer) => Promise<void>): Promise<unknown> {
    const server = createFakeServer();
    server.onRequest = (exchange) => exchange.cut();
    const { connection } = await follow(server, { random: () => 0.999_999 });
    await server.clock.advance(40_000);
    server.onRequest = undefined;
    await server.clock.advance(30_000);
    await then(server);
    server.last.end();
    await server.clock.flush();
    const { state } = connection;
    return state.status === "retrying" ? Math.round(state.delay) : state;
  }

  test("by an event", async () => {
    expect(await afterFailures(async (server) => void server.last.open(event("a")))).toBe(1_000);
  });

  test("by a comment", async () => {
    expect(await afterFailures(async (server) => void server.last.open(":\n\n"))).toBe(1_000);
  });

  test("by five seconds", async () => {
    const open = async (server: FakeServer, ms: number): Promise<void> => {
      server.last.open();
      await server.clock.advance(ms);
    };
    expect(await afterFailures((server) => open(server, 4_999))).toBe(30_000);
    expect(await afterFailures((server) => open(server, 5_000))).toBe(1_000);
  });

  test("never by a mere 200", async () => {
    expect(await afterFailures(async (server) => void server.last.open())).toBe(30_000);
    expect(await afterFailures(async (server) => void server.last.open("retry: 1\nid: 5\n\n"))).toBe(30_000);
  });
});

describe("giving up", () => {
  test("is after five minutes without a healthy connection", async () => {
    const server = createFakeServer();
    server.onRequest = (exchange) => exchange.cut();
    const followed = await follow(server);
    await server.clock.advance(299_999);
    expect(followed.ended).toBeUndefined();
    await server.clock.advance(1);
    expect(followed.ended).toMatchObject({ reason: "gave-up", cause: { reason: "network" } });
    const { requests } = server;
    await server.clock.advance(3_600_000);
    expect(server.requests).toBe(requests);
    expect(requests).toBeLessThan(30);
  });

  test("counts from the last healthy connection", async () => {
    const server = createFakeServer();
    const followed = await follow(server, { giveUpAfter: 10_000 });
    server.last.open(event("a"));
    await server.clock.advance(44_000);
    server.onRequest = (exchange) => exchange.cut();
    server.last.cut();
    await server.clock.advance(9_999);
    expect(followed.ended).toBeUndefined();
    await server.clock.advance(1);
    expect(followed.ended).toMatchObject({ reason: "gave-up" });
  });

  test("does not count the time that the machine sleeps", async () => {
    const server = createFakeServer();
    let asleep = 0;
    const clock = { ...server.clock, now: () => server.clock.now() + asleep };
    server.onRequest = (exchange) => exchange.cut();
    const followed = await follow(server, { clock });
    await server.clock.advance(100_000);
    asleep = 36_000_000;
    await server.clock.advance(199_000);
    expect(followed.ended).toBeUndefined();
    await server.clock.advance(1_000);
    expect(followed.ended).toMatchObject({ reason: "gave-up" });
  });

  test("is not put off by a clock that is set back", async () => {
    const server = createFakeServer();
    let back = 0;
    const clock = { ...server.clock, now: () => server.clock.now() - back };
    server.onRequest = (exchange) => exchange.cut();
    const followed = await follow(server, { clock });
    await server.clock.advance(100_000);
    back = 3_600_000;
    await server.clock.advance(230_000);
    expect(followed.ended).toMatchObject({ reason: "gave-up" });
  });

  test("does not count the time without a network", async () => {
    const server = createFakeServer();
    vi.stubGlobal("navigator", { onLine: false });
    server.onRequest = (exchange) => exchange.cut();
    const followed = await follow(server);
    await server.clock.advance(3_600_000);
    expect(followed.ended).toBeUndefined();
    vi.stubGlobal("navigator", { onLine: true });
    await server.clock.advance(330_000);
    expect(followed.ended).toMatchObject({ reason: "gave-up" });
    vi.unstubAllGlobals();
  });

  test("is begun anew by reconnect(), with the cursor", async () => {
    const server = createFakeServer();
    const followed = await follow(server, { giveUpAfter: 1_000 });
    server.last.open(event("a", "7")).end();
    server.onRequest = (exchange) => exchange.cut();
    await server.clock.advance(2_000);
    expect(followed.ended).toMatchObject({ reason: "gave-up" });

    server.onRequest = undefined;
    followed.connection.reconnect();
    followed.resume();
    await server.clock.flush();
    expect(server.last.header("last-event-id")).toBe("7");
    server.last.open(event("b", "8"));
    await server.clock.flush();
    expect(followed.messages.map(({ data }) => data)).toEqual(["a", "b"]);
  });
});

describe("reconnect()", () => {
  test("does not wait", async () => {
    const server = createFakeServer();
    const { connection } = await follow(server);
    server.last.answer(503, { "retry-after": "60" });
    await server.clock.flush();
    connection.reconnect();
    await server.clock.flush();
    expect(server.requests).toBe(2);
  });

  test("lets go of a connection that is open", async () => {
    const server = createFakeServer();
    const { connection } = await follow(server);
    const [first] = [server.last.open(event("a", "1"))];
    await server.clock.flush();
    connection.reconnect();
    await server.clock.advance(0);
    expect(first.isLeft).toBe(true);
    expect(server.last.header("last-event-id")).toBe("1");
  });

  test("may be called by who is told of the failure", async () => {
    const server = createFakeServer();
    const followed = await follow(server);
    const off = followed.connection.subscribe(({ status }) => {
      if (status !== "closed") return;
      off();
      followed.connection.reconnect();
    });
    server.last.answer(404);
    await server.clock.flush();
    expect(followed.ended).toMatchObject({ reason: "refused" });
    followed.resume();
    server.last.open(event("a"));
    await server.clock.flush();
    expect(followed.messages).toHaveLength(1);
  });

  test("does nothing when the stream is over", async () => {
    const server = createFakeServer();
    const { connection } = await follow(server);
    server.last.open(control("open", OPEN) + control("end", { status: "done" }));
    await server.clock.flush();
    connection.reconnect();
    await server.clock.advance(1_000);
    expect(server.requests).toBe(1);
    expect(connection.state).toMatchObject({ status: "closed", reason: "done" });
  });
});
