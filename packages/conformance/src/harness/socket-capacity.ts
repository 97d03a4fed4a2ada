import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { listen } from "./listen.ts";

/** Checks after which a socket that has not drained counts as full: turns of the event loop, not a time. */
const CHECKS = 50;

/** How many blocks a plain connection on this machine buffers for a client that does not read. */
export async function socketCapacity(block: string): Promise<number> {
  const server = createServer();
  const accepted = once(server, "connection");
  const { port, close } = await listen(server);
  const client = connect(port, "127.0.0.1").pause();
  const [socket] = (await accepted) as [Socket];
  try {
    for (let blocks = 1; ; blocks++) {
      if (!socket.write(block) && !(await drains(socket))) return blocks;
    }
  } finally {
    client.destroy();
    await close();
  }
}

async function drains(socket: Socket): Promise<boolean> {
  for (let check = 0; check < CHECKS && socket.writableNeedDrain; check++) await pause(1);
  return !socket.writableNeedDrain;
}
