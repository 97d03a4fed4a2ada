/*
 * Random orders of what happens to tabs, with messages that take random times: every tab that lives gets all events, in order
 * and once, and when nothing happens any more, the server has one connection.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Connection, TextMessage } from "../../src/index.ts";
import { createSharedMultiplex } from "../../src/tabs/shared-multiplex.ts";
import { FakeBrowser, type FakeTab } from "../support/fake-browser.ts";
import { FakeServer } from "../support/fake-server.ts";
import { MemberServer } from "../support/member-server.ts";

const NAMES = ["a", "b"];

type Step =
  | { readonly does: "open" | "kill" | "suspend" | "resume" | "hide" | "freeze"; readonly tab: number }
  | { readonly does: "join" | "leave"; readonly tab: number; readonly name: string }
  | { readonly does: "push"; readonly name: string; readonly count: number }
  | { readonly does: "cut" }
  | { readonly does: "wait"; readonly ms: number };

const tab = fc.nat({ max: 3 });
const name = fc.constantFrom(...NAMES);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      does: fc.constantFrom("open", "open", "kill", "suspend", "resume", "hide", "freeze"),
      tab,
    }),
  },
  { weight: 2, arbitrary: fc.record({ does: fc.constantFrom("join", "join", "leave"), tab, name }) },
  {
    weight: 6,
    arbitrary: fc.record({ does: fc.constant("push" as const), name, count: fc.integer({ min: 1, max: 4 }) }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant("cut" as const) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      does: fc.constant("wait" as const),
      ms: fc.constantFrom(0, 1, 5, 20, 100, 1_500, 5_000),
    }),
  },
);

class Page {
  readonly tab: FakeTab;
  readonly live: ReturnType<typeof createSharedMultiplex>;
  readonly next = new Map(NAMES.map((one) => [one, 1]));
  readonly #connections = new Map<string, Connection<TextMessage>>();
  readonly #cursors = new Map<string, string>();

  constructor(server: FakeServer, browser: FakeBrowser) {
    this.tab = browser.openTab();
    const { clock, fetch } = server;
    // Never twice the same in a run: the terms of two leaders of one moment differ by it.
    const random = (): number => (browser.draws++ % 997) / 997;
    const options = { fetch, clock, random, shareAs: "ann" };
    this.live = createSharedMultiplex("http://server.test/live", options, this.tab.apis);
    for (const one of NAMES) this.join(one);
  }

  join(member: string): void {
    if (this.#connections.has(member)) return;
    const connection = this.live.connect(member, {
      lastEventId: this.#cursors.get(member) ?? "",
      onReset: ({ reason }) => {
        throw new Error(`Reset ${reason}.`);
      },
    });
    this.#connections.set(member, connection);
    void this.#read(member, connection);
  }

  leave(member: string): void {
    const connection = this.#connections.get(member);
    if (!connection) return;
    this.#connections.delete(member);
    connection.close();
    this.#cursors.set(member, connection.lastEventId);
  }

  kill(): void {
    this.tab.kill();
    this.live.close();
  }

  async #read(member: string, connection: Connection<TextMessage>): Promise<void> {
    for await (const { data } of connection) {
      const expected = this.next.get(member) ?? 0;
      if (Number(data) !== expected) throw new Error(`${member}: ${data}, not ${expected}`);
      this.next.set(member, expected + 1);
    }
  }
}

async function run(
  steps: readonly Step[],
  delays: readonly number[],
  counts: { kills: number },
): Promise<void> {
  const failures: unknown[] = [];
  const note = (error: unknown): void => void failures.push(error);
  const reportError = Object.getOwnPropertyDescriptor(globalThis, "reportError");
  Object.assign(globalThis, { reportError: note });
  process.on("unhandledRejection", note);
  const server = new FakeServer();
  const { clock } = server;
  const members = new MemberServer(server);
  let drawn = 0;
  const browser = new FakeBrowser(clock, () => delays[drawn++ % delays.length] ?? 0.5);
  const pages = new Map<number, Page>();
  const total = new Map(NAMES.map((one) => [one, 0]));
  for (const one of NAMES) members.open(one);
  try {
    for (const what of steps) {
      const page = "tab" in what ? pages.get(what.tab) : undefined;
      switch (what.does) {
        case "open":
          if (!page) pages.set(what.tab, new Page(server, browser));
          break;
        case "kill":
          if (page?.live.role === "leader") counts.kills++;
          page?.kill();
          pages.delete(what.tab);
          break;
        case "suspend":
          page?.tab.suspend();
          break;
        case "resume":
          page?.tab.resume();
          if (page) page.tab.isVisible = true;
          page?.tab.thaw();
          break;
        case "hide":
          if (page) page.tab.isVisible = false;
          break;
        case "freeze":
          page?.tab.freeze();
          break;
        case "join":
        case "leave":
          page?.[what.does](what.name);
          break;
        case "push":
          for (let index = 0; index < what.count; index++) {
            const number = (total.get(what.name) ?? 0) + 1;
            total.set(what.name, number);
            members.push(what.name, String(number));
          }
          break;
        case "cut":
          members.cut();
          break;
        case "wait":
          await clock.advance(what.ms);
      }
      await clock.flush();
    }
    for (const page of pages.values()) {
      page.tab.isVisible = true;
      page.tab.thaw();
      page.tab.resume();
      for (const one of NAMES) page.join(one);
    }
    await clock.advance(15_000);
    expect(failures).toEqual([]);
    for (const page of pages.values()) {
      expect([...page.next].map(([one, next]) => [one, next - 1])).toEqual([...total]);
    }
    const leaders = [...pages.values()].filter(({ live }) => live.role === "leader");
    expect([members.connections, leaders.length]).toEqual(pages.size > 0 ? [1, 1] : [0, 0]);
    for (const page of pages.values()) page.live.close();
    await clock.advance(100);
    expect([clock.timers, members.connections]).toEqual([0, 0]);
  } finally {
    for (const page of pages.values()) page.live.close();
    process.off("unhandledRejection", note);
    if (reportError) Object.defineProperty(globalThis, "reportError", reportError);
    else Reflect.deleteProperty(globalThis, "reportError");
  }
}

/** A new leader that reads by itself asks itself, and reads by itself again, within a turn. */
const BACK_AT_ONCE: Step[] = [
  { does: "open", tab: 3 },
  { does: "wait", ms: 0 },
  { does: "push", name: "a", count: 1 },
  { does: "wait", ms: 0 },
  { does: "wait", ms: 20 },
  { does: "wait", ms: 0 },
  { does: "open", tab: 0 },
  { does: "open", tab: 0 },
  { does: "open", tab: 0 },
  { does: "suspend", tab: 0 },
  { does: "open", tab: 1 },
  { does: "wait", ms: 0 },
  { does: "push", name: "a", count: 1 },
  { does: "kill", tab: 3 },
  { does: "wait", ms: 5 },
  { does: "push", name: "a", count: 1 },
];
/** A tab asks a new leader, whose response has not begun, and is ahead of it. */
const AHEAD: Step[] = [
  { does: "open", tab: 1 },
  { does: "open", tab: 3 },
  { does: "wait", ms: 100 },
  { does: "open", tab: 0 },
  { does: "suspend", tab: 1 },
  { does: "resume", tab: 1 },
  { does: "wait", ms: 0 },
  { does: "push", name: "a", count: 1 },
  { does: "push", name: "a", count: 1 },
  { does: "wait", ms: 1 },
  { does: "kill", tab: 3 },
  { does: "wait", ms: 0 },
  { does: "wait", ms: 1500 },
  { does: "wait", ms: 0 },
  { does: "wait", ms: 0 },
  { does: "push", name: "a", count: 1 },
];

test("every tab gets each event once and in order, and one connection is left", async () => {
  const counts = { kills: 0 };
  const numRuns = Number(process.env["HOLDFAST_RUNS"] ?? 60);
  const steps = fc.array(step, { minLength: 15, maxLength: 50, size: "max" });
  const delays = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(steps, delays, (what, times) => run(what, times, counts)),
    {
      numRuns,
      examples: [
        [BACK_AT_ONCE, [0]],
        [AHEAD, [0]],
      ],
    },
  );
  expect(counts.kills).toBeGreaterThan(0);
});
