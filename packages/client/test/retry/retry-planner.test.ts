import { describe, expect, test, vi } from "vitest";
import { createFakeClock, type FakeClock } from "@holdfast/core/testing";
import type { AttemptOutcome } from "../../src/retry/attempt.ts";
import type { Action, Loss } from "../../src/retry/loss.ts";
import { createRetryPlanner, type RetryPlanner, type RetrySettings } from "../../src/retry/retry-planner.ts";
import { createFakeServer, type FakeServer } from "../support/fake-server.ts";
import type { ResilienceOptions } from "../../src/index.ts";
import { control, event, follow } from "../support/follow.ts";

describe("the planner", () => {
  const NETWORK: Loss = { reason: "network", message: "The network failed." };

  /** A planner whose policy has one action, and whose back-off is 1 s for each failure. */
  function planWith(
    action: Action,
    settings: Partial<RetrySettings> = {},
  ): { readonly planner: RetryPlanner; readonly clock: FakeClock } {
    const clock = createFakeClock();
    const planner = createRetryPlanner({
      actionOn: () => action,
      backoff: (failures, requested) => requested ?? 1_000 * failures,
      clock,
      connectTimeout: 30_000,
      giveUpAfter: 10_000,
      random: () => 0.5,
      ...settings,
    });
    return { planner, clock };
  }

  test("retries a loss after the back-off, and counts the attempts", () => {
    const { planner } = planWith("retry");
    expect(planner.start()).toBe(1);
    const again = { isAsked: false, ...NETWORK, loss: NETWORK };
    expect(planner.next(NETWORK, undefined)).toEqual({ ...again, attempt: 2, delay: 1_000 });
    expect(planner.start()).toBe(2);
    expect(planner.next(NETWORK, undefined)).toEqual({ ...again, attempt: 3, delay: 2_000 });
    planner.reset();
    expect(planner.start()).toBe(1);
  });

  test("prefers `Retry-After` to `retry:`, and marks the delay as asked for", () => {
    const { planner } = planWith("retry");
    planner.start();
    expect(planner.next(NETWORK, 4_000)).toMatchObject({ delay: 4_000, isAsked: false });
    planner.start();
    expect(planner.next({ ...NETWORK, retryAfter: 7_000 }, 4_000)).toMatchObject({
      delay: 7_000,
      isAsked: true,
    });
  });

  test("follows a drain with the delay of the server, and reports no problem", () => {
    const { planner } = planWith("fatal");
    planner.start();
    expect(planner.next({ type: "drain", reason: "shutdown" }, 4_000)).toEqual({
      attempt: 2,
      delay: 4_000,
      isAsked: true,
      reason: "shutdown",
      message: "",
    });
  });

  test("does not count an attempt that was interrupted", () => {
    const { planner } = planWith("retry");
    planner.start();
    planner.next(NETWORK, undefined);
    for (let times = 0; times < 3; times++) {
      expect(planner.start()).toBe(2);
      expect(planner.next({ type: "interrupt", reason: "changed" }, undefined)).toMatchObject({ attempt: 2 });
    }
    planner.start();
    expect(planner.next(NETWORK, undefined)).toMatchObject({ attempt: 3, delay: 2_000 });
  });

  test("follows an interruption at once", () => {
    const { planner } = planWith("fatal");
    planner.start();
    expect(planner.next({ type: "interrupt", reason: "woken" }, 4_000)).toMatchObject({
      delay: 0,
      isAsked: false,
      reason: "woken",
      message: "",
    });
  });

  test("refreshes at once, but fails the second time in a row", () => {
    const { planner } = planWith("refresh");
    planner.start();
    expect(planner.next(NETWORK, 4_000)).toMatchObject({ delay: 0 });
    planner.start();
    planner.reset();
    expect(planner.next(NETWORK, 4_000)).toMatchObject({ delay: 0 });
    planner.start();
    expect(() => planner.next(NETWORK, 4_000)).toThrow(
      expect.objectContaining({ name: "ConnectionError", reason: "network" }),
    );
  });

  test("has no next attempt after a loss that is `done`, and after the end of the stream", () => {
    const { planner } = planWith("done");
    planner.start();
    expect(planner.next(NETWORK, undefined)).toBeUndefined();
    const end: AttemptOutcome = { type: "done", reason: "done" };
    expect(planner.next(end, undefined)).toBeUndefined();
  });

  test("does not mistake a drain for the end, whatever its reason", () => {
    const { planner } = planWith("retry");
    planner.start();
    expect(planner.next({ type: "drain", reason: "done" }, undefined)).toMatchObject({ attempt: 2 });
  });

  test("fails after a fatal loss, with its details, and after an end other than `done`", () => {
    const { planner } = planWith("fatal");
    planner.start();
    const loss: Loss = { reason: "refused", message: "The server answered 404", status: 404 };
    expect(() => planner.next(loss, undefined)).toThrow(
      expect.objectContaining({ reason: "refused", status: 404, message: "The server answered 404" }),
    );
    const server = { code: "SOURCE_FAILED", message: "The stream failed.", retryable: false };
    const end: AttemptOutcome = { type: "fatal", reason: "failed", message: "The stream failed.", server };
    expect(() => planner.next(end, undefined)).toThrow(expect.objectContaining({ reason: "failed", server }));
  });

  test("gives up although what is left is too short for the clock to notice", async () => {
    // A remainder, as floating-point numbers have it: such a delay ends at the time at which it begins.
    const { planner, clock } = planWith("retry", { giveUpAfter: 10_000, backoff: () => 10_000 - 1e-9 });
    await clock.advance(1e9);
    planner.start();
    const again = planner.next(NETWORK, undefined);
    await clock.advance(again?.delay ?? 0);
    planner.start();
    expect(() => planner.next(NETWORK, undefined)).toThrow("Given up.");
  });

  test("gives up when the attempts and delays have used up `giveUpAfter`", async () => {
    const { planner, clock } = planWith("retry");
    planner.start();
    await clock.advance(4_000);
    expect(planner.next(NETWORK, 3_000)).toMatchObject({ delay: 3_000 });
    await clock.advance(3_000);
    planner.start();
    await clock.advance(2_000);
    // One second is left.
    expect(planner.next(NETWORK, 3_000)).toMatchObject({ delay: 1_000 });
    await clock.advance(1_000);
    planner.start();
    expect(() => planner.next(NETWORK, undefined)).toThrow(
      expect.objectContaining({
        reason: "gave-up",
        message: "Given up. The network failed.",
        cause: NETWORK,
      }),
    );
  });

  test("does not charge a healthy connection", async () => {
    const { planner, clock } = planWith("retry");
    planner.start();
    planner.reset();
    await clock.advance(3_600_000);
    expect(planner.next(NETWORK, undefined)).toMatchObject({ attempt: 1 });
    expect(planner.next(NETWORK, 9_000)).toMatchObject({ delay: 9_000 });
  });

  test("charges no phase with more than its planned length, and none with less than nothing", async () => {
    let shift = 0;
    const fake = createFakeClock();
    const clock = { ...fake, now: () => fake.now() + shift };
    const { planner } = planWith("retry", { clock, connectTimeout: 2_000 });
    planner.start();
    shift = 3_600_000;
    expect(planner.next(NETWORK, 1_000)).toMatchObject({ delay: 1_000 });
    shift = 0;
    planner.start();
    // The first attempt was charged with 2 s, the delay with nothing: 8 s are left.
    expect(planner.next(NETWORK, 60_000)).toMatchObject({ delay: 8_000 });
  });
});

describe("back-off", () => {
  test.each([
    [0, 0.5],
    [0.25, 0.75],
    [0.5, 0.5],
    [1 - Number.EPSILON, 1],
  ])("starts at 1 s and doubles up to 30 s; the jitter %d leaves %d of it", async (random, part) => {
    const server = createFakeServer();
    server.onRequest = (exchange) => exchange.cut();
    await follow(server, { random: () => random, giveUpAfter: Infinity });
    await server.clock.advance(130_000 * part);
    const delays = [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000].map((delay) => delay * part);
    expect(server.delays).toEqual(delays);
  });

  test("may have a base of 0", async () => {
    const server = createFakeServer();
    server.onRequest = (exchange) => {
      if (server.requests < 100) exchange.cut();
    };
    await follow(server, { backoff: { base: 0 } });
    await server.clock.advance(0);
    expect(server.delays).toHaveLength(99);
    expect(new Set(server.delays)).toEqual(new Set([0]));
  });

  test("follows the option `backoff`", async () => {
    const server = createFakeServer();
    server.onRequest = (exchange) => exchange.cut();
    await follow(server, { random: () => 0.999_999, backoff: { base: 10, factor: 3, cap: 100 } });
    await server.clock.advance(320);
    expect(server.delays).toEqual([10, 30, 90, 100]);
    await expect(follow(server, { backoff: { base: 10, cap: 1 } })).rejects.toThrow("`backoff` must be");
  });
});

describe("retry:", () => {
  test.each([0, 0.5, 0.999_999])("is the minimum, with up to a fifth added", async (random) => {
    const server = createFakeServer();
    await follow(server, { random: () => random });
    server.last.open(`retry: 10000\n\n${event("a")}`).end();
    await server.clock.advance(20_000);
    expect(server.delays).toEqual([Math.round(10_000 * (1 + random / 5))]);
  });

  test("of 0 means at once after a second, and half a second before", async () => {
    const server = createFakeServer();
    await follow(server);
    server.last.open(`retry: 0\n\n${event("a", "k3v9x0q2ma.1")}`);
    await server.clock.advance(1_000);
    server.last.end();
    await server.clock.advance(0);
    server.last.open(event("b", "k3v9x0q2ma.2"));
    await server.clock.advance(999);
    server.last.end();
    await server.clock.advance(1_000);
    expect(server.delays).toEqual([1_000, 1_499]);
  });

  test("stays the minimum for later failures", async () => {
    const server = createFakeServer();
    await follow(server);
    server.last.open(`retry: 3000\n\n${event("a", "k3v9x0q2ma.1")}`).end();
    server.onRequest = (exchange) => exchange.cut();
    await server.clock.advance(40_000);
    expect(server.delays.slice(0, 6)).toEqual([3_300, 3_300, 3_300, 3_300, 4_000, 8_000]);
  });

  test.each(["99999999999", "9".repeat(400)])(
    "of %s delays a client by two minutes at most",
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
    server.last.respond(status, { "retry-after": "17" });
    await server.clock.advance(20_000);
    expect(server.delays).toEqual([17_000]);
  });

  test("is honoured as a date", async () => {
    const server = createFakeServer();
    await server.clock.advance(Date.UTC(2026, 0, 1));
    await follow(server, { random: () => 0 });
    server.last.respond(503, { "retry-after": new Date(server.clock.now() + 40_000).toUTCString() });
    await server.clock.advance(60_000);
    expect(server.delays).toEqual([40_000]);
  });

  test.each(["soon", "-5", "", "Wed, 31 Dec 1969 00:00:00 GMT"])("of %j is none", async (value) => {
    const server = createFakeServer();
    await follow(server);
    server.last.respond(503, { "retry-after": value });
    await server.clock.advance(1_000);
    expect(server.delays).toEqual([500]);
  });

  test("is not shortened by a page that becomes visible", async () => {
    const server = createFakeServer();
    const page = new EventTarget();
    vi.stubGlobal("document", page);
    await follow(server);
    server.last.respond(503, { "retry-after": "30" });
    await server.clock.advance(1_000);
    page.dispatchEvent(new Event("visibilitychange"));
    await server.clock.advance(10_000);
    expect(server.requests).toBe(1);
    vi.unstubAllGlobals();
  });
});

describe("failures are forgotten when the connection is healthy", () => {
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

  test.each(["k3v9x0q2ma.1", "k3v9x0q2mb.7"])("because of progress: the id %s", async (id) => {
    expect(await afterFailures(async (server) => void server.last.open(event("a", id)))).toBe(1_000);
  });

  test.each([":\n\n", event("a"), event("a", "17"), event("a", "")])(
    "but not because of %j",
    async (text) => {
      expect(await afterFailures(async (server) => void server.last.open(text))).toBe(30_000);
    },
  );

  test("because it has been open for five seconds", async () => {
    const open = async (server: FakeServer, ms: number): Promise<void> => {
      server.last.open();
      await server.clock.advance(ms);
    };
    expect(await afterFailures((server) => open(server, 4_999))).toBe(30_000);
    expect(await afterFailures((server) => open(server, 5_000))).toBe(1_000);
  });

  test("but not because of a response alone", async () => {
    expect(await afterFailures(async (server) => void server.last.open())).toBe(30_000);
    expect(await afterFailures(async (server) => void server.last.open("retry: 1\nid: 5\n\n"))).toBe(30_000);
  });
});

describe("after a connection of less than a second", () => {
  /** The delays between the requests to a server that answers with this and ends the response. */
  async function delaysOf(
    text: (request: number) => string,
    options: ResilienceOptions = {},
  ): Promise<number[]> {
    const server = createFakeServer();
    server.onRequest = (exchange) => exchange.open(text(server.requests)).end();
    await follow(server, { random: () => 0, ...options });
    await server.clock.advance(20_000);
    return server.delays.slice(0, 4);
  }

  test("the delays grow from half a second on, whatever the jitter and `retry:`", async () => {
    const exponential = [500, 1_000, 2_000, 4_000];
    expect(await delaysOf(() => event("a"))).toEqual(exponential);
    expect(await delaysOf(() => `retry: 0\n\n${event("a", "17")}`)).toEqual(exponential);
    expect(await delaysOf(() => event("a"), { backoff: { base: 0 } })).toEqual([500, 500, 500, 500]);
  });

  test("that made progress, or was drained, the delay is half a second at least", async () => {
    const halfSeconds = [500, 500, 500, 500];
    expect(await delaysOf((request) => `retry: 0\n\n${event("a", `k3v9x0q2ma.${request}`)}`)).toEqual(
      halfSeconds,
    );
    expect(await delaysOf(() => `retry: 0\n\n${control("drain", { reason: "busy" })}`)).toEqual(halfSeconds);
    // A holdfast server says when to come back.
    expect(await delaysOf(() => control("drain", { reason: "busy" }))).toEqual([500, 1_000, 2_000, 4_000]);
  });

  test("that made progress, the delays grow to 2 to 4 s if the server does not say when to come back", async () => {
    const newEvent = (request: number): string => event("a", `k3v9x0q2ma.${request}`);
    expect(await delaysOf(newEvent)).toEqual([500, 1_000, 2_000, 2_000]);
    const newEpoch = (request: number): string => event("a", `k3v9x0q2m${request % 2}.1`);
    expect(await delaysOf(newEpoch)).toEqual([500, 1_000, 2_000, 2_000]);
    expect(await delaysOf(() => event("a", "k3v9x0q2ma.1"))).toEqual([500, 1_000, 2_000, 4_000]);
    expect(await delaysOf((request) => `retry: 2000\n\n${newEvent(request)}`)).toEqual([
      2_000, 2_000, 2_000, 2_000,
    ]);
  });

  test("that the client itself has ended, there is no delay", async () => {
    const server = createFakeServer();
    server.onRequest = (exchange) => exchange.open(event("a"));
    const { connection } = await follow(server);
    for (let count = 0; count < 3; count++) {
      connection.reconnect();
      await server.clock.advance(0);
    }
    expect(server.delays).toEqual([0, 0, 0]);
  });
});

describe("the client gives up", () => {
  test("after five minutes without a healthy connection", async () => {
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

  test("after `giveUpAfter` since the last healthy connection", async () => {
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

  test("but not before the `Retry-After` of its last attempt", async () => {
    const server = createFakeServer();
    const followed = await follow(server, { giveUpAfter: 10_000 });
    server.last.respond(503, { "retry-after": "30" });
    await server.clock.advance(30_000);
    expect(server.requests).toBe(1);
    await server.clock.advance(6_000);
    expect(server.delays).toEqual([33_000]);
    server.last.cut();
    await server.clock.flush();
    expect(followed.ended).toMatchObject({ reason: "gave-up" });
  });

  test("without counting the time in which the machine sleeps", async () => {
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

  test("in time, even if the clock is set back", async () => {
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

  test("without counting the time in which the machine is offline", async () => {
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

  test("but can reconnect() then, with the cursor", async () => {
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
