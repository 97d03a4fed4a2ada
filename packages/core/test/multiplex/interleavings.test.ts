// Covers src/multiplex: random histories of many members on one connection after another.

import fc from "fast-check";
import { expect, test } from "vitest";
import type { StreamWriter } from "../../src/stream/writer.ts";
import type { AnyEvents } from "../../src/protocol/event.ts";
import { parseId } from "../../src/protocol/event-id.ts";
import {
  connectMultiplex,
  type MemberBlock,
  type MultiplexClient,
  MUX,
} from "../support/multiplex-client.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { createTestRegistry } from "../support/test-registry.ts";

const NAMES = ["a", "b", "c", "room", "d@e"];

/** What a client has of one member, by the rules of the protocol: it throws at a gap or a double that was not declared. */
class MemberState {
  cursor: string | undefined;
  /** The number of the next event. */
  next = 1;
  isOver = false;
  resets = 0;
  events: number[] = [];

  take({ event, id, data }: MemberBlock): void {
    if (event === "stream.open" && this.cursor === undefined && id !== undefined) {
      this.next = (parseId(id)?.seq ?? 0) + 1;
    }
    if (event === "stream.reset") {
      this.resets++;
      const { lost } = data as { lost: readonly [number, number] | null };
      if (lost === null) this.events = [];
      else expect(lost[0]).toBe(this.next);
      this.next = (parseId(id as string)?.seq as number) + 1;
    }
    if (event === "stream.end") this.isOver = true;
    if (!event.startsWith("stream.")) {
      expect([parseId(id as string)?.seq, data]).toEqual([this.next, this.next]);
      this.events.push(this.next++);
    }
    this.cursor = id ?? this.cursor;
  }
}

type Action =
  | { readonly do: "push"; readonly name: number; readonly count: number }
  | { readonly do: "end" | "reopen" | "add" | "leave"; readonly name: number }
  | { readonly do: "cut" | "stall" | "drain" | "turn" };

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("push" as const),
      name: fc.nat(NAMES.length - 1),
      count: fc.nat(9),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom("end" as const, "reopen" as const, "add" as const, "leave" as const),
      name: fc.nat(NAMES.length - 1),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom("cut" as const, "stall" as const, "drain" as const, "turn" as const),
    }),
  },
);

test("each member gets every event once and in order, or a declared reset, whatever is pushed, cut, added and left", async () => {
  let [cuts, resets, events] = [0, 0, 0];
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 10, maxLength: 80 }), async (actions) => {
      // Each life of a stream needs an epoch of its own.
      const random = seededRandom(1);
      const { registry, clock } = createTestRegistry({ random, buffer: { events: 8 } });
      const rooms = createTestRegistry({ random, from: "start", buffer: { events: 8 } }, clock).registry;
      const writers = new Map<string, StreamWriter<AnyEvents>>();
      const states = new Map<string, MemberState>();
      let roomLast = 0;
      let client: MultiplexClient | undefined;
      let taken = 0;

      const isMember = (name: string): boolean => ["room", ...writers.keys()].includes(name);
      const take = (): void => {
        const blocks = client?.blocks ?? [];
        for (const block of blocks.slice(taken)) {
          const state = block.member === undefined ? undefined : states.get(block.member);
          if (block.event === "stream.member") {
            if ((block.data as { status?: number }).status !== undefined && state !== undefined)
              state.isOver = true;
          } else state?.take(block);
        }
        taken = blocks.length;
      };
      const reconnect = async (): Promise<void> => {
        take();
        client?.leave();
        const query = new URLSearchParams({ mux: MUX });
        for (const [name, { cursor = "", isOver }] of states)
          if (!isOver) query.append("on", `${name}@${cursor}`);
        taken = 0;
        client = undefined;
        if (!query.has("on")) return;
        client = connectMultiplex(
          async (name) =>
            name === "room" ? rooms.channel("room") : isMember(name) ? registry.stream(name) : 404,
          query.toString(),
          { clock },
        );
      };
      const run = async (step: Action): Promise<void> => {
        const name = "name" in step ? (NAMES[step.name] as string) : "";
        const count = "count" in step ? step.count : 0;
        switch (step.do) {
          case "push":
            for (let pushed = 0; pushed < count; pushed++) {
              if (name === "room") rooms.channel("room").push({ data: ++roomLast });
              else if (registry.get(name)?.status === "live")
                writers.get(name)?.push({ data: (registry.get(name)?.last ?? 0) + 1 });
            }
            return;
          case "end":
            return writers.get(name)?.end();
          case "reopen":
            if (name !== "room") writers.set(name, await registry.open(name, { ifExists: "replace" }));
            return;
          case "add":
            if (!isMember(name)) return;
            states.set(name, new MemberState());
            return reconnect();
          case "leave":
            if (states.delete(name)) await reconnect();
            return;
          case "cut":
            if (client !== undefined) cuts++;
            return reconnect();
          case "stall":
            return client?.stall();
          case "drain":
            return client?.drain();
          case "turn":
            return clock.flush();
        }
      };
      for (const name of [0, 1]) await run({ do: "reopen", name });
      for (const name of [0, 1, 3]) await run({ do: "add", name });
      for (const step of actions) {
        await run(step);
        take();
      }
      client?.drain();
      await clock.flush();
      await reconnect();
      await clock.flush();
      take();
      for (const [name, state] of states) {
        const info = (name === "room" ? rooms : registry).get(name);
        // One that has ended may have been opened again.
        if (!state.isOver || parseId(state.cursor ?? "")?.epoch === info?.epoch)
          expect([name, state.next]).toEqual([name, (info?.last ?? 0) + 1]);
        resets += state.resets;
        events += state.events.length;
      }
      (client as MultiplexClient | undefined)?.leave();
      await clock.flush();
      expect(registry.gauges().connections + rooms.gauges().connections).toBe(0);
      for (const name of NAMES) expect(registry.get(name)?.readers ?? rooms.get(name)?.readers ?? 0).toBe(0);
    }),
    { numRuns: 200 },
  );
  // Otherwise this test would show nothing.
  expect(cuts).toBeGreaterThan(100);
  expect(resets).toBeGreaterThan(100);
  expect(events).toBeGreaterThan(1_000);
});
