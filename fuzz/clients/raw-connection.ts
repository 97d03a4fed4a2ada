import { connect, type Socket } from "node:net";
import { setImmediate as turn, setTimeout as pause } from "node:timers/promises";
import type { Random } from "../harness/random.ts";

/** What a hostile client sends, over TCP. */
export interface Attack {
  /** The second part is sent when something has arrived, or nothing for a while. */
  readonly parts: readonly Buffer[];
  /** Called with each chunk that arrives. */
  readonly received?: (chunk: Buffer) => void;
}

/** How long a hostile client waits for bytes, in ms; then it goes on or leaves. */
const PATIENCE = { min: 10, max: 300 };
/** Slow clients send this many bytes one by one: enough for most request heads. */
const TRICKLE = 300;

/**
 * Runs one hostile connection: sends the parts whole, in pieces or byte by byte, reads fast, slowly or not at all, and
 * leaves at some moment by FIN, RST or half-close. All that is decided by `random`. Never rejects.
 */
export async function runAttack(port: number, { parts, received }: Attack, random: Random): Promise<void> {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true, allowHalfOpen: true });
  let bytes = 0;
  // Every error is followed by `close`, which is all that counts here.
  socket.on("error", () => undefined);
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  const reading = random.pick(["fast", "fast", "slowly", "never"]);
  socket.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    received?.(chunk);
    if (reading === "slowly") {
      socket.pause();
      setTimeout(() => socket.resume(), random.int(1, 20));
    }
  });
  if (reading === "never") socket.pause();

  const waitForBytes = async (count: number): Promise<void> => {
    // A few stay so long that the server loses its patience first.
    const patience = random.int(PATIENCE.min, PATIENCE.max) * (random.chance(0.02) ? 20 : 1);
    const end = performance.now() + patience;
    while (bytes < count && !socket.closed && performance.now() < end) await pause(2);
  };
  for (const [index, part] of parts.entries()) {
    if (index > 0) await waitForBytes(random.int(1, 400));
    await send(socket, random.chance(0.15) ? part.subarray(0, random.int(0, part.length)) : part, random);
  }
  await waitForBytes(random.pick([0, 1, 1, 200, 2_000, Infinity]));
  await leave(socket, closed, random);
}

async function send(socket: Socket, part: Buffer, random: Random): Promise<void> {
  const manner = random.pick(["whole", "whole", "pieces", "byte by byte"]);
  const size = manner === "whole" ? part.length : Math.ceil(part.length / random.int(2, 8));
  let at = 0;
  if (manner === "byte by byte") {
    for (; at < Math.min(part.length, TRICKLE) && !socket.closed; at++) {
      socket.write(part.subarray(at, at + 1));
      await turn();
    }
  }
  for (; at < part.length && !socket.closed; at += size) {
    socket.write(part.subarray(at, at + size));
    await turn();
  }
}

async function leave(socket: Socket, closed: Promise<void>, random: Random): Promise<void> {
  const how = random.pick(["destroy", "reset", "half-close"]);
  if (how === "reset") socket.resetAndDestroy();
  else if (how === "half-close") {
    socket.end();
    socket.resume();
    await Promise.race([closed, pause(random.int(1, 100))]);
  }
  socket.destroy();
  await closed;
}
