import assert from "node:assert/strict";
import type { Probed } from "../subject/stage.ts";
import type { Client } from "../wire/client.ts";
import { eventually } from "./eventually.ts";
import type { Server } from "./server.ts";

/** The probe of each test. */
export const SEAM = "seam";

/** A block of 64 KiB. */
export const BLOCK: string = `data: ${"x".repeat(65_528)}\n\n`;
export const BEGUN = "data: begun\n\n";

/** Looks at the probe until the look does not throw. */
export function untilProbed(server: Server, look: (probed: Probed) => void): Promise<void> {
  return eventually(async () => look(await server.probed(SEAM)));
}

/** Waits until the response has begun. */
export function untilBegun(server: Server): Promise<void> {
  return untilProbed(server, ({ begun }) => assert(begun, "The response has not begun."));
}

/** A client whose response has begun with {@link BEGUN}, and goes on as the test says. */
export async function begunClient(server: Server): Promise<Client> {
  const client = server.send(await server.serve({ probe: SEAM }));
  await untilBegun(server);
  await server.write(SEAM, BEGUN);
  await client.until(BEGUN);
  return client;
}

/** How many looks make sure that something does not come: each is a turn of the server's, and time for a proxy's. */
const LOOKS = 100;
/** No transport keeps so many blocks for a client that reads nothing: 64 MiB. */
const TOO_MANY = 1_024;

/** Writes as long as a client that has paused takes something; returns how many blocks that took. */
export async function fill(server: Server): Promise<number> {
  let blocks = 0;
  for (;;) {
    const { drained } = await server.probed(SEAM);
    const { written, taken } = await server.write(SEAM, BLOCK, 16);
    blocks += written;
    assert(blocks < TOO_MANY, "The sink takes more than 64 MiB for a client that reads nothing.");
    if (!taken && !(await goesOn(server, drained))) return blocks;
  }
}

/** Whether the sink has drained since, and takes more. */
async function goesOn(server: Server, before: number): Promise<boolean> {
  for (let look = 0; look < LOOKS; look++) {
    if ((await server.probed(SEAM)).drained > before) return true;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return false;
}
