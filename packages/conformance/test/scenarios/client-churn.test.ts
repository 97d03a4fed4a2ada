import { expect, test } from "vitest";
import type { Http1Client } from "../../src/wire/http1.ts";
import { eventually } from "../../src/harness/eventually.ts";
import { framesOf } from "../../src/wire/frames.ts";
import { randomFrom } from "../support/seeded-random.ts";
import { cursorOf, startService } from "./service.ts";

/*
 * Scenario: 200 clients connect and disconnect at random. Their job has a source that runs only while it has clients.
 * Covers registry/ and stream/ of core: sourced streams, `linger` and readers.
 */

const CLIENTS = 200;
const LINGER = 1_000;
const INTERVAL = 250;
const PAUSES = [0, 100, 400, LINGER - 1, LINGER, LINGER + 500];

test.each([1, 2, 3])(
  "200 clients connect and disconnect at random (seed %i): one source runs while there is a client, and nothing is left",
  async (seed) => {
    const random = randomFrom(seed);
    const upTo = (most: number): number => Math.floor(random() * (most + 1));
    let running = 0;
    let runs = 0;
    let maxRunning = 0;
    const { registry, clock, connect } = await startService((time) => ({
      linger: LINGER,
      async *source(_id: string, { signal }: { readonly signal: AbortSignal }) {
        const run = ++runs;
        maxRunning = Math.max(maxRunning, ++running);
        signal.addEventListener("abort", () => running--);
        for (let step = 1; ; step++) {
          yield { event: "step", data: `${run}:${step}` };
          await new Promise<void>((resolve) => {
            const cancel = time.after(INTERVAL, resolve);
            signal.addEventListener("abort", () => {
              cancel();
              resolve();
            });
          });
        }
      },
    }));
    const connected: Http1Client[] = [];
    const left: Http1Client[] = [];
    const expectRunning = (): void => {
      if (connected.length > 0) expect(running).toBe(1);
    };
    for (let started = 0; started < CLIENTS;) {
      const cursor = random() < 0.5 ? left.at(-1) : undefined;
      const together = Math.min(1 + upTo(5), CLIENTS - started);
      const coming = Array.from({ length: together }, () => connect("job", cursor && cursorOf(cursor)));
      started += together;
      connected.push(...(await Promise.all(coming)));
      expectRunning();
      await clock.advance(PAUSES[upTo(PAUSES.length - 1)] ?? 0);
      expectRunning();
      for (
        let leaving = random() < 0.4 ? connected.length : upTo(5);
        leaving > 0 && connected.length > 0;
        leaving--
      ) {
        const [client] = connected.splice(upTo(connected.length - 1), 1);
        client?.cut();
        left.push(client as Http1Client);
      }
      await eventually(() => expect(registry.gauges().connections).toBe(connected.length));
      expectRunning();
      await clock.advance(PAUSES[upTo(PAUSES.length - 1)] ?? 0);
      expectRunning();
    }
    for (const client of connected) client.cut();
    left.push(...connected);
    await eventually(() => expect(registry.gauges().connections).toBe(0));
    await clock.advance(LINGER);
    expect([maxRunning, running, registry.size, clock.timers]).toEqual([1, 0, 0, 0]);
    expect(runs).toBeGreaterThan(5);
    expect(left).toHaveLength(CLIENTS);
    for (const client of left) expectContiguous(client);
  },
);

/** Asserts that a client received consecutive steps of one run. */
function expectContiguous(client: Http1Client): void {
  const steps = framesOf(client.text).filter(({ event }) => event === "step");
  const numbers = steps.map(({ data = "" }) => data.split(":").map(Number) as [run: number, step: number]);
  for (const [index, [run, step]] of numbers.entries()) {
    if (index > 0) expect([run, step]).toEqual([numbers[0]?.[0], (numbers[0]?.[1] ?? 0) + index]);
  }
  const reset = client.text.includes("stream.reset");
  if (steps.length > 0 && reset) expect(numbers[0]?.[1]).toBe(1);
  expect(client.text).not.toContain("stream.error");
  expect(client.text).not.toContain("stream.end");
}
