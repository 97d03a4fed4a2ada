import type { ConnectionState } from "@holdfast/client";
import type { FakeClock } from "@holdfast/core/testing";
import { expect } from "vitest";
import { eventually } from "../../src/harness/eventually.ts";

interface Stateful {
  readonly state: ConnectionState;
}

/** Whether a client waits for time to pass, or is closed. */
const isIdle = ({ state }: Stateful): boolean => state.status === "retrying" || state.status === "closed";

/**
 * Advances the clock of a client in steps of a second, until the client is closed. Before each step it waits for the real
 * network, which the clock does not control.
 *
 * @param isDone whether everything that the network does in this second is done
 */
export async function advanceInSeconds(
  clock: FakeClock,
  ms: number,
  client: Stateful,
  isDone: () => boolean = () => isIdle(client),
): Promise<void> {
  for (let passed = 0; passed < ms && client.state.status !== "closed"; passed += 1_000) {
    await eventually(() => expect(isDone()).toBe(true));
    await clock.advance(1_000);
  }
  await eventually(() => expect(isDone()).toBe(true));
}
