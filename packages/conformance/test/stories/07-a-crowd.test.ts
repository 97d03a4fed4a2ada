import { expect, test } from "vitest";
import type { Http1Client } from "../../src/wire/http1.ts";
import { eventually } from "../../src/adapter-suite/eventually.ts";
import { framesOf } from "../../src/wire/frames.ts";
import { chance } from "../support/seeded.ts";
import { cursorOf, stage } from "./stage.ts";

/*
 * 200 clients come and go as they like around one job, which is worked on only while somebody listens.
 */

const CLIENTS = 200;
const LINGER = 1_000;
const EVERY = 250;
const PAUSES = [0, 100, 400, LINGER - 1, LINGER, LINGER + 500];

test.each([1, 2, 3])(
  "200 clients come and go at random (%i): one source at a time, never none while one listens, nothing left",
  { timeout: 15_000 },
  async (seed) => {
    const random = chance(seed);
    const upTo = (most: number): number => Math.floor(random() * (most + 1));
    let running = 0;
    let runs = 0;
    let most = 0;
    const { registry, clock, come } = await stage((time) => ({
      linger: LINGER,
      async *source(_id: string, { signal }: { readonly signal: AbortSignal }) {
        const run = ++runs;
        most = Math.max(most, ++running);
        signal.addEventListener("abort", () => running--);
        for (let step = 1; ; step++) {
          yield { event: "step", data: `${run}:${step}` };
          await new Promise<void>((resolve) => {
            const cancel = time.after(EVERY, resolve);
            signal.addEventListener("abort", () => {
              cancel();
              resolve();
            });
          });
        }
      },
    }));
    const here: Http1Client[] = [];
    const been: Http1Client[] = [];
    const expectWorkedOn = (): void => {
      if (here.length > 0) expect(running).toBe(1);
    };
    for (let came = 0; came < CLIENTS;) {
      const cursor = random() < 0.5 ? been.at(-1) : undefined;
      const together = Math.min(1 + upTo(5), CLIENTS - came);
      const coming = Array.from({ length: together }, () => come("job", cursor && cursorOf(cursor)));
      came += together;
      here.push(...(await Promise.all(coming)));
      expectWorkedOn();
      await clock.advance(PAUSES[upTo(PAUSES.length - 1)] ?? 0);
      expectWorkedOn();
      for (let leaving = random() < 0.4 ? here.length : upTo(5); leaving > 0 && here.length > 0; leaving--) {
        const [client] = here.splice(upTo(here.length - 1), 1);
        client?.cut();
        been.push(client as Http1Client);
      }
      await eventually(() => expect(registry.gauges().connections).toBe(here.length));
      expectWorkedOn();
      await clock.advance(PAUSES[upTo(PAUSES.length - 1)] ?? 0);
      expectWorkedOn();
    }
    for (const client of here) client.cut();
    been.push(...here);
    await eventually(() => expect(registry.gauges().connections).toBe(0));
    await clock.advance(LINGER);
    expect([most, running, registry.size, clock.timers]).toEqual([1, 0, 0, 0]);
    expect(runs).toBeGreaterThan(5);
    expect(been).toHaveLength(CLIENTS);
    for (const client of been) expectContiguous(client);
  },
);

/** Whatever part of it a client heard, it heard all of that part: one run, each step behind the other. */
function expectContiguous(client: Http1Client): void {
  const steps = framesOf(client.text).filter(({ event }) => event === "step");
  const places = steps.map(({ data = "" }) => data.split(":").map(Number) as [run: number, step: number]);
  for (const [index, [run, step]] of places.entries()) {
    if (index > 0) expect([run, step]).toEqual([places[0]?.[0], (places[0]?.[1] ?? 0) + index]);
  }
  const reset = client.text.includes("stream.reset");
  if (steps.length > 0 && reset) expect(places[0]?.[1]).toBe(1);
  expect(client.text).not.toContain("stream.error");
  expect(client.text).not.toContain("stream.end");
}
