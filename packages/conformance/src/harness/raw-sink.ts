import assert from "node:assert/strict";
import type { SinkState } from "../subject/sink-capture.ts";
import type { Client } from "../wire/client.ts";
import { eventually } from "./eventually.ts";
import type { RemoteServer } from "./remote-server.ts";

/** The name of the captured sink; a test has at most one. */
export const SINK = "sink";

/** A block of 64 KiB. */
export const BLOCK: string = `data: ${"x".repeat(65_528)}\n\n`;
export const FIRST_BLOCK = "data: first\n\n";

/** Waits until a check of the sink's state does not throw. */
export function untilSink(server: RemoteServer, check: (state: SinkState) => void): Promise<void> {
  return eventually(async () => check(await server.sinkState(SINK)));
}

/** Waits until the response has begun. */
export function untilResponseBegan(server: RemoteServer): Promise<void> {
  return untilSink(server, ({ begun }) => assert(begun, "The response has not begun."));
}

/** A client that has received {@link FIRST_BLOCK} from the sink. */
export async function connectToSink(server: RemoteServer): Promise<Client> {
  const client = server.send(await server.serve({ sink: SINK }));
  await untilResponseBegan(server);
  await server.writeToSink(SINK, FIRST_BLOCK);
  await client.until(FIRST_BLOCK);
  return client;
}

/** Checks without a `drained` after which the sink counts as full. Each is a turn of the server, and gives a proxy time. */
const CHECKS = 100;
/** 64 MiB: more than any transport buffers for a client that does not read. */
const TOO_MANY_BLOCKS = 1_024;

/** Writes blocks until the transport of a paused client is full; returns how many it accepted. */
export async function fillTransport(server: RemoteServer): Promise<number> {
  let blocks = 0;
  for (;;) {
    const { drained } = await server.sinkState(SINK);
    const { written, accepted } = await server.writeToSink(SINK, BLOCK, 16);
    blocks += written;
    assert(blocks < TOO_MANY_BLOCKS, "The sink accepts more than 64 MiB for a client that does not read.");
    if (!accepted && !(await drainsAgain(server, drained))) return blocks;
  }
}

/** Whether the sink has drained since then, and accepts more. */
async function drainsAgain(server: RemoteServer, drainedBefore: number): Promise<boolean> {
  for (let check = 0; check < CHECKS; check++) {
    if ((await server.sinkState(SINK)).drained > drainedBefore) return true;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return false;
}
