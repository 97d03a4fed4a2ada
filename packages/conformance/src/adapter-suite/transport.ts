import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { listen } from "./listen.ts";

/** Milliseconds after which a socket that has not drained is full. */
const FULL = 50;

/** How many blocks a connection of this machine takes for a client that reads nothing, with no adapter in between. */
export async function blocksInTransit(block: string): Promise<number> {
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
  const late = new AbortController();
  const drained = once(socket, "drain", { signal: late.signal }).then(() => true);
  const isInTime = await Promise.race([drained, pause(FULL, false)]);
  late.abort();
  drained.catch(() => undefined);
  return isInTime;
}
