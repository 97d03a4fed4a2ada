import type { ConnectionState } from "@holdfast/client";
import type { FakeClock } from "@holdfast/core/testing";
import { expect } from "vitest";
import { eventually } from "../../src/adapter-suite/eventually.ts";

interface Stateful {
  readonly state: ConnectionState;
}

/** Whether nothing happens to a client until time passes. */
const rests = ({ state }: Stateful): boolean => state.status === "retrying" || state.status === "closed";

/**
 * Lets time pass for a client, a second at a time, until it is over. Its network has no part in that: within each
 * second all that it has to do is done.
 *
 * @param done whether it is
 */
export async function letPass(
  clock: FakeClock,
  ms: number,
  client: Stateful,
  done: () => boolean = () => rests(client),
): Promise<void> {
  for (let passed = 0; passed < ms && client.state.status !== "closed"; passed += 1_000) {
    await eventually(() => expect(done()).toBe(true));
    await clock.advance(1_000);
  }
  await eventually(() => expect(done()).toBe(true));
}
