// Covers src/stream/{stream,notifier,reader}.ts: random interleavings of pushes and connections.

import fc from "fast-check";
import { expect, test } from "vitest";
import { createTestRegistry } from "../support/test-registry.ts";

test("every reader gets every event once and in order, however pushes, connects, stalls, drains and turns interleave", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.integer({ min: 1, max: 30 }),
      fc.array(fc.record({ stalls: fc.boolean(), late: fc.boolean() }), { minLength: 1, maxLength: 6 }),
      async (scheduler, pushes, readers) => {
        const { registry, clock, connect } = createTestRegistry();
        const job = await registry.open("a");
        const all = Array.from({ length: pushes }, (_, number) => number + 1);
        const clients = readers.map(({ late }) => (late ? undefined : connect("a")));

        const pushing = scheduler.scheduleSequence([
          ...all.map((data) => async () => void job.push({ data })),
          async () => job.end(),
        ]);
        for (const [index, { stalls, late }] of readers.entries()) {
          scheduler.scheduleSequence([
            ...(late ? [async () => void (clients[index] = connect("a"))] : []),
            ...(stalls ? [async () => clients[index]?.stall(), async () => clients[index]?.drain()] : []),
          ]);
        }
        scheduler.scheduleSequence(all.map(() => async () => clock.flush()));
        await scheduler.waitFor(pushing.task);
        await scheduler.waitAll();
        await clock.flush();

        for (const client of clients) {
          expect(client?.events).toEqual(all);
          expect(client?.blocks.at(-1)).toEqual([
            "stream.end",
            `${job.epoch}.${pushes + 1}.end`,
            { status: "done" },
          ]);
        }
      },
    ),
    { numRuns: 200 },
  );
});
