import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Breaker, type BreakerOptions, createBreaker, type Permit } from "../../src/index.ts";
import { createFakeServer, FakeServer } from "../support/fake-server.ts";
import { event, follow } from "../support/follow.ts";

const breakerOf = ({ clock }: FakeServer, options: BreakerOptions = {}): Breaker =>
  createBreaker({ clock, random: () => 0.999_999, ...options });

test("a server that is down gets one request at a time, at growing intervals", async () => {
  const server = createFakeServer();
  server.onRequest = (exchange) => exchange.cut();
  const breaker = breakerOf(server);
  const followed = await Promise.all(
    Array.from({ length: 20 }, () =>
      follow(server, { breaker, backoff: { base: 0 }, giveUpAfter: Infinity }),
    ),
  );
  expect(server.requests).toBe(20);
  expect(breaker.state).toBe("open");
  await server.clock.advance(1_000 + 2_000 + 4_000 + 8_000 + 16_000);
  expect(server.delays.slice(19)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000]);

  server.onRequest = (exchange) => exchange.open(event("a"));
  await server.clock.advance(30_000);
  expect(breaker.state).toBe("closed");
  for (const { connection, messages } of followed) {
    expect(connection.state).toEqual({ status: "open" });
    expect(messages).toHaveLength(1);
  }
});

test("an outcome that is no failure of the server does not open the breaker", async () => {
  const server = createFakeServer();
  const breaker = breakerOf(server, { failures: 1 });
  await follow(server, { breaker });
  server.last.respond(404);
  await server.clock.flush();
  await follow(server, { breaker });
  server.last.open(event("a"));
  await server.clock.flush();
  server.last.end();
  await server.clock.flush();
  expect(breaker.state).toBe("closed");
});

test("a response alone does not close the breaker", async () => {
  const server = createFakeServer();
  const breaker = breakerOf(server, { failures: 1 });
  await follow(server, { breaker });
  server.last.cut();
  await server.clock.advance(2_000);
  expect(server.requests).toBe(2);
  server.last.open();
  await server.clock.advance(4_999);
  expect(breaker.state).toBe("open");
  await server.clock.advance(1);
  expect(breaker.state).toBe("closed");
});

test("when a probe is given up, another attempt may probe", async () => {
  const server = createFakeServer();
  const breaker = breakerOf(server, { failures: 1 });
  const first = await follow(server, { breaker, backoff: { base: 0 } });
  server.last.cut();
  await server.clock.advance(1_000);
  expect(server.requests).toBe(2);
  const second = await follow(server, { breaker });
  await server.clock.advance(10_000);
  expect(server.requests).toBe(2);
  first.connection.close();
  await server.clock.advance(1_000);
  expect(server.requests).toBe(3);
  second.connection.close();
});

test("reconnect() while waiting for a permit makes no request that is aborted already", async () => {
  const server = createFakeServer();
  const breaker = breakerOf(server, { failures: 1 });
  const { connection } = await follow(server, { breaker, backoff: { base: 0 } });
  server.last.cut();
  await server.clock.advance(0);
  connection.reconnect();
  await server.clock.advance(1_000);
  expect(server.requests).toBe(1);
  await server.clock.advance(2_000);
  expect(server.requests).toBe(2);
  expect(server.last.isOver).toBe(false);
});

test("an attempt that is admitted because another succeeded is no probe, even while one is under way", async () => {
  const server = createFakeServer();
  const breaker = breakerOf(server, { failures: 2 });
  const enter = (): Promise<Permit | undefined> => breaker.enter(new AbortController().signal);
  const [first, second, slow] = await Promise.all([enter(), enter(), enter()]);
  first?.(false);
  second?.(false);
  const probe = enter();
  await server.clock.advance(1_000);
  const waiting = enter();
  slow?.(true);
  const other = await waiting;
  other?.(false);
  (await enter())?.(false);
  expect(breaker.state).toBe("open");
  let isAdmitted = false;
  const next = enter().then((permit) => {
    isAdmitted = true;
    return permit;
  });
  await server.clock.advance(60_000);
  expect(isAdmitted).toBe(false);
  (await probe)?.();
  await server.clock.advance(60_000);
  (await next)?.();
});

test("a connection may be closed while it waits for a permit", async () => {
  const server = createFakeServer();
  const breaker = breakerOf(server, { failures: 1 });
  const { connection, ...followed } = await follow(server, { breaker, backoff: { base: 0 } });
  server.last.cut();
  await server.clock.advance(0);
  connection.close();
  await server.clock.flush();
  expect(followed.messages).toEqual([]);
  expect(server.clock.timers).toBe(0);
});

test("an invalid option is a TypeError", () => {
  expect(() => createBreaker({ failures: 0 })).toThrow("`failures` must be a number from 1 on, got 0.");
  expect(() => createBreaker({ backoff: { base: -1 } })).toThrow("`backoff` must be");
});

describe("whatever happens, in any order", () => {
  const STEPS = ["enter", "leave", "succeed", "fail", "return", "wait"] as const;

  test("an open breaker has at most one probe, and no attempt waits forever", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.constantFrom(...STEPS), fc.nat(9))), async (steps) => {
        const server = new FakeServer();
        const breaker = breakerOf(server, { failures: 2 });
        const waiting = new Set<AbortController>();
        const permits: { permit: Permit; isProbe: boolean }[] = [];
        const enter = async (): Promise<void> => {
          const controller = new AbortController();
          waiting.add(controller);
          const permit = await breaker.enter(controller.signal);
          waiting.delete(controller);
          if (permit !== undefined) permits.push({ permit, isProbe: breaker.state === "open" });
        };
        for (const [step, which] of steps) {
          const [held] = step === "enter" ? [] : permits.splice(which % Math.max(permits.length, 1), 1);
          if (step === "enter") void enter();
          else if (step === "leave") [...waiting][which % Math.max(waiting.size, 1)]?.abort();
          else if (step === "wait") await server.clock.advance(1_000 * which);
          if (step === "succeed") held?.permit(true);
          else if (step === "fail") held?.permit(false);
          else if (step === "return") held?.permit();
          else if (held !== undefined) permits.push(held);
          await server.clock.flush();
          expect(permits.filter(({ isProbe }) => isProbe).length).toBeLessThanOrEqual(
            1 + Number(breaker.state === "closed"),
          );
        }
        // From here on, every admitted attempt succeeds: so all of them are admitted.
        for (let count = 0; count < 20 && waiting.size + permits.length > 0; count++) {
          for (const { permit } of permits.splice(0)) permit(true);
          await server.clock.advance(40_000);
        }
        expect(waiting.size).toBe(0);
        expect(server.clock.timers).toBe(0);
      }),
      { numRuns: 200 },
    );
  });
});
