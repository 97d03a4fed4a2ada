import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import type { Random } from "../harness/random.ts";
import { Violation } from "../harness/wait.ts";
import { type HostileResponse, redirect, respondTo } from "./hostile-response.ts";
import type { Script } from "./script.ts";

/** The most that an endless line is long, in bytes, if the client does not leave. */
const ENDLESS = 16 << 20;

/** A server that treats each reader as its script says. */
export class HostileServer {
  connections = 0;
  faults = 0;
  refused = 0;
  /** What a client sent that it must not. */
  violation: Violation | undefined;
  readonly #scripts = new Map<string, Script>();
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => this.#accept(socket));
  #readers = 0;

  /** Listens; returns the origin. */
  async listen(): Promise<string> {
    await once(this.#server.listen(0, "127.0.0.1"), "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Adds a reader; returns its path. */
  add(script: Script): string {
    const path = `/${++this.#readers}`;
    this.#scripts.set(path, script);
    return path;
  }

  remove(path: string): void {
    this.#scripts.delete(path);
  }

  /** How many sockets are open. */
  get sockets(): number {
    return this.#sockets.size;
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, "close");
  }

  #accept(socket: Socket): void {
    this.connections++;
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => undefined);
    let request = "";
    socket.on("data", (chunk: Buffer) => {
      request += chunk.toString("latin1");
      if (!request.endsWith("\r\n\r\n")) return;
      const text = request;
      request = "";
      void this.#answer(socket, text);
    });
  }

  async #answer(socket: Socket, request: string): Promise<void> {
    const [, path = "", query] = /^GET (\/\d+)(\?\S*)? /.exec(request) ?? [];
    const script = this.#scripts.get(path);
    if (script === undefined) return void socket.destroy();
    const { random } = script;
    // A loop stays one, and some requests are led to where they came from once.
    if (query === "?loop") return void socket.end(redirect(`${path}?loop`));
    if (query === undefined && random.chance(0.1)) return void socket.end(redirect(`${path}?again`));
    const response = respondTo(script, this.#cursorOf(request, script), `${path}?loop`);
    const status = response.bytes.toString("latin1", 9, 10);
    if (status === "4" || status === "5") this.refused++;
    this.faults++;
    await write(socket, response, random);
  }

  /** A client sends back only what it was sent. */
  #cursorOf(request: string, { epoch, events, isLiar }: Script): number {
    const cursor = /^last-event-id: (.*)\r$/im.exec(request)?.[1];
    if (cursor === undefined || isLiar) return 0;
    const [, number] = new RegExp(`^${epoch}\\.(\\d+)(?:\\.end)?$`).exec(cursor) ?? [];
    if (!(Number(number) <= events + 1)) this.violation = new Violation(`A client sent the cursor ${cursor}`);
    return Number(number);
  }
}

async function write(socket: Socket, { bytes, ending }: HostileResponse, random: Random): Promise<void> {
  const pieces = random.pick([1, 1, 5, 40, 200]);
  const size = Math.ceil(bytes.length / pieces);
  for (let at = 0; at < bytes.length && !socket.closed; at += size) {
    socket.write(bytes.subarray(at, at + size));
    if (pieces > 1) await turn();
  }
  if (ending === "end") socket.end();
  if (ending === "reset") socket.resetAndDestroy();
  if (ending === "endless") await writeForever(socket);
}

async function writeForever(socket: Socket): Promise<void> {
  const more = Buffer.alloc(16 << 10, "a");
  for (let sent = 0; sent < ENDLESS && !socket.closed; sent += more.length) {
    if (!socket.write(more))
      await Promise.race([once(socket, "drain"), once(socket, "close")]).catch(() => undefined);
  }
}
