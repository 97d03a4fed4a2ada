import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { Random } from "../harness/random.ts";

/** What happens to the connections of a proxy. `cut`: at any byte, so in the middle of a command or of a reply. */
export type ProxyFault = "none" | "delay" | "cut" | "refuse" | "hang";

/** The longest delay of one chunk, in ms. */
const LONGEST_DELAY = 300;

/** A TCP proxy in front of a server, with faults. */
export class FaultyProxy {
  /** How many connections or chunks were disturbed. */
  faults = 0;
  fault: ProxyFault = "none";
  readonly #target: number;
  readonly #random: Random;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((client) => this.#accept(client));

  constructor(target: number, random: Random) {
    this.#target = target;
    this.#random = random;
  }

  async listen(): Promise<number> {
    await once(this.#server.listen(0, "127.0.0.1"), "listening");
    return (this.#server.address() as AddressInfo).port;
  }

  /** Cuts all connections that hang, so that clients connect anew. */
  heal(): void {
    if (this.fault === "hang") for (const socket of this.#sockets) socket.destroy();
    this.fault = "none";
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, "close");
  }

  #accept(client: Socket): void {
    if (this.fault === "refuse") {
      this.faults++;
      client.on("error", () => undefined);
      return void client.resetAndDestroy();
    }
    const server = connect(this.#target, "127.0.0.1");
    this.#join(client, server);
    this.#join(server, client);
  }

  #join(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on("error", () => undefined);
    from.on("close", () => {
      this.#sockets.delete(from);
      to.destroy();
    });
    // One chunk after the other, whatever happens to each.
    let previous: Promise<void> = Promise.resolve();
    from.on("data", (chunk: Buffer) => {
      previous = previous.then(() => this.#forward(chunk, from, to));
    });
  }

  async #forward(chunk: Buffer, from: Socket, to: Socket): Promise<void> {
    const { fault } = this;
    if (fault === "hang") {
      this.faults++;
    } else if (fault === "delay" && this.#random.chance(0.5)) {
      this.faults++;
      await new Promise((resolve) => setTimeout(resolve, this.#random.int(1, LONGEST_DELAY)));
      to.write(chunk);
    } else if ((fault === "cut" && this.#random.chance(0.1)) || fault === "refuse") {
      this.faults++;
      to.write(chunk.subarray(0, this.#random.int(0, chunk.length)), () => to.destroy());
      from.destroy();
    } else to.write(chunk);
  }
}
