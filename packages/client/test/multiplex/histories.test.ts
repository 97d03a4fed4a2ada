/*
 * Random orders of everything that may happen to members: each of them gets all events, in order and once, or is told exactly
 * which ones it has missed.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Connection, multiplex, type Multiplex, type TextMessage } from "../../src/index.ts";
import { FakeServer } from "../support/fake-server.ts";
import { MemberServer, readMemberRequest } from "../support/member-server.ts";

const NAMES = ["a", "b@c", "d", "e"];
const LARGE = 90_000;

type Step =
  | { readonly does: "push"; readonly name: string; readonly count: number; readonly isLarge: boolean }
  | { readonly does: "trim"; readonly name: string; readonly first: number }
  | {
      readonly does: "join" | "leave" | "end" | "drain" | "stop" | "read" | "reconnect";
      readonly name: string;
    }
  | { readonly does: "cut" | "drainAll" }
  | { readonly does: "wait"; readonly ms: number };

const name = fc.constantFrom(...NAMES);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      does: fc.constant("push" as const),
      name,
      count: fc.integer({ min: 1, max: 5 }),
      isLarge: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ does: fc.constant("trim" as const), name, first: fc.nat({ max: 40 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      does: fc.constantFrom("join", "join", "join", "leave", "drain", "stop", "read", "reconnect", "end"),
      name,
    }),
  },
  { weight: 2, arbitrary: fc.record({ does: fc.constantFrom("cut", "cut", "drainAll") }) },
  {
    weight: 8,
    arbitrary: fc.record({
      does: fc.constant("wait" as const),
      ms: fc.constantFrom(0, 10, 20, 30, 1_500, 1_500, 6_000),
    }),
  },
);

/** One member: its consumer, which reads or does not, and what it has got. */
class Consumer {
  readonly #name: string;
  /** The number of the next event that it may get. */
  next = 1;
  connection: Connection<TextMessage> | undefined;
  #cursor = "";
  #isReading = true;
  #resume: (() => void) | undefined;

  constructor(memberName: string) {
    this.#name = memberName;
  }

  join(live: Multiplex): void {
    if (this.connection !== undefined && this.connection.state.status !== "closed") return;
    // Another connection goes on after the last event that was taken.
    this.#cursor = this.connection?.lastEventId ?? this.#cursor;
    this.connection = live.connect(this.#name, {
      lastEventId: this.#cursor,
      onReset: ({ lost, reason }) => {
        if (reason !== "trimmed" || lost === null) throw new Error(`Reset ${reason}.`);
        expect(lost[0]).toBe(this.next);
        this.next = lost[1] + 1;
      },
    });
    void this.#take(this.connection);
  }

  leave(): void {
    this.#cursor = this.connection?.lastEventId ?? this.#cursor;
    this.connection?.close();
    this.connection = undefined;
  }

  stop(): void {
    this.#isReading = false;
  }

  read(): void {
    this.#isReading = true;
    this.#resume?.();
  }

  async #take(connection: Connection<TextMessage>): Promise<void> {
    while (true) {
      if (!this.#isReading) await new Promise<void>((resolve) => (this.#resume = resolve));
      if (connection !== this.connection) return;
      const { done, value } = await connection.next();
      if (done === true || connection !== this.connection) return;
      expect(Number(value.data.split(" ")[0]), `the next event of ${this.#name}`).toBe(this.next);
      this.next++;
    }
  }
}

interface Counts {
  cuts: number;
  requests: number;
  events: number;
  letGo: number;
}

async function run(steps: readonly Step[], counts: Counts): Promise<void> {
  const failures: unknown[] = [];
  const note = (error: unknown): void => void failures.push(error);
  const reportError = Object.getOwnPropertyDescriptor(globalThis, "reportError");
  Object.assign(globalThis, { reportError: note });
  process.on("unhandledRejection", note);
  const server = new FakeServer();
  const { clock } = server;
  const members = new MemberServer(server);
  const live = multiplex("http://server.test/live", { fetch: server.fetch, clock, random: () => 0.3 });
  const consumers = new Map(NAMES.map((one) => [one, new Consumer(one)]));
  const serve = server.onRequest;
  server.onRequest = (exchange) => {
    const { members: asked } = readMemberRequest(exchange);
    for (const [one, { connection }] of consumers) {
      const isRead = ["open", "replaying", "live"].includes(connection?.state.status ?? "");
      if (isRead && !asked.has(one)) counts.letGo++;
    }
    serve?.(exchange);
  };
  const total = new Map<string, number>();
  for (const one of NAMES) {
    members.open(one);
    total.set(one, 0);
  }
  try {
    for (const consumer of consumers.values()) consumer.join(live);
    for (const what of steps) {
      const consumer = "name" in what ? consumers.get(what.name) : undefined;
      const log = "name" in what ? members.logs.get(what.name) : undefined;
      switch (what.does) {
        case "push":
          if (log?.isEnded === true) break;
          for (let index = 0; index < what.count; index++) {
            const number = (total.get(what.name) ?? 0) + 1;
            total.set(what.name, number);
            members.push(what.name, `${number} ${"x".repeat(what.isLarge ? LARGE : 0)}`);
            counts.events++;
          }
          break;
        case "trim":
          members.trim(what.name, what.first);
          break;
        case "end":
          if (log?.isEnded === false) members.end(what.name);
          break;
        case "drain":
          members.drain(what.name);
          break;
        case "join":
          consumer?.join(live);
          break;
        case "leave":
        case "stop":
        case "read":
          consumer?.[what.does]();
          break;
        case "reconnect":
          consumer?.connection?.reconnect();
          break;
        case "cut":
          if (server.requests > 0 && !server.last.isOver) counts.cuts++;
          members.cut();
          break;
        case "drainAll":
          members.drainAll();
          break;
        case "wait":
          await clock.advance(what.ms);
      }
      await clock.flush();
    }
    // In the end everybody reads, and gets everything.
    for (const consumer of consumers.values()) {
      consumer.read();
      consumer.join(live);
    }
    for (let round = 0; round < 20; round++) {
      await clock.advance(1_000);
      for (const consumer of consumers.values()) consumer.join(live);
    }
    for (const [one, { next }] of consumers) {
      expect(next - 1, `what ${one} got`).toBe(total.get(one));
    }
    expect(failures).toEqual([]);
    counts.requests += server.requests;
    for (const consumer of consumers.values()) consumer.leave();
    await clock.flush();
    expect([clock.timers, server.exchanges.filter(({ isOver }) => !isOver).length]).toEqual([0, 0]);
  } finally {
    live.close();
    process.off("unhandledRejection", note);
    if (reportError) Object.defineProperty(globalThis, "reportError", reportError);
    else Reflect.deleteProperty(globalThis, "reportError");
  }
}

test("each member gets every event once and in order, or is told which ones it missed", async () => {
  const counts: Counts = { cuts: 0, requests: 0, events: 0, letGo: 0 };
  const numRuns = Number(process.env["HOLDFAST_RUNS"] ?? 60);
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60, size: "max" }), (steps) =>
      run(steps, counts),
    ),
    { numRuns },
  );
  // Otherwise it would show nothing.
  expect(counts.cuts).toBeGreaterThan(numRuns / 2);
  expect(counts.requests).toBeGreaterThan(8 * numRuns);
  expect(counts.letGo).toBeGreaterThan(numRuns / 20);
});
