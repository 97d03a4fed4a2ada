/*
 * A server whose `/live` serves the streams of a store that it shares with other processes.
 */
import { createServer } from "node:http";
import type { Socket } from "node:net";
import { multiplex } from "@holdfast/core/multiplex";
import { sse } from "@holdfast/node-http";
import { createSharedRegistry, type StorePlace } from "./shared-store.ts";

export interface MultiplexServerOptions {
  readonly place: StorePlace;
  /** How many events of a stream it keeps itself. Older ones it reads from the store. */
  readonly kept: number;
  readonly port: number;
}

/** Destroys all sockets. */
export type ToServer = "cut";
/** `cut` once for each socket that served a client. */
export type FromServer = "listening" | "served" | "cut";

const { place, kept, port } = JSON.parse(process.argv[2] as string) as MultiplexServerOptions;
const registry = await createSharedRegistry(place, { buffer: { events: kept } });
const send = (message: FromServer): void => void process.send?.(message);
/** Those on which a response is under way. */
const busy = new Set<Socket>();

const server = createServer((req, res) => {
  const { socket } = req;
  busy.add(socket);
  res.once("close", () => busy.delete(socket));
  const options = { onClose: ({ events }: { readonly events: number }) => events > 0 && send("served") };
  void sse(
    req,
    res,
    multiplex((member) => registry.stream(member)),
    options,
  ).catch(() => res.destroy());
});

process.on("message", (_message: ToServer) => {
  for (const socket of busy) {
    socket.destroy();
    send("cut");
  }
});
process.on("disconnect", () => process.exit());
server.listen(port, "127.0.0.1", () => send("listening"));
