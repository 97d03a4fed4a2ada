import { availableParallelism } from "node:os";
import { type Child, startChild } from "./child.ts";
import type { Target } from "./client.ts";
import type { LoadApi } from "./load.ts";
import { busy } from "./others.ts";
import type { Remote } from "./remote.ts";
import type { ServerApi, Stay } from "./server.ts";
import type { Usage } from "./usage.ts";
import { type Figures, LOAD, OTHERS } from "./workload.ts";

const SERVER_CORE = 0;
const LOAD_CORE = 1;

/** What was used between two moments. */
export interface Spent {
  /** CPU of the server, in microseconds. */
  readonly cpu: number;
  /** The part of its core that the load took: the figures are the server's only while this is well below 1. */
  readonly load: number;
  /** The part of the machine that other processes took. */
  readonly others: number;
  readonly before: Usage;
  readonly after: Usage;
}

/** What tells how far the other figures may be trusted. */
export function trust({ load, others }: Spent): Figures {
  return { [LOAD]: load, [OTHERS]: others };
}

/** A server of one peer and a load for it, each a fresh process. */
export class Session implements AsyncDisposable {
  readonly #server: Child<ServerApi>;
  readonly #load: Child<LoadApi>;
  readonly #port: number;
  readonly #cursor: string | undefined;

  private constructor(server: Child<ServerApi>, load: Child<LoadApi>, port: number, cursor?: string) {
    this.#server = server;
    this.#load = load;
    this.#port = port;
    this.#cursor = cursor;
  }

  static async open(peer: string, stay: Stay = {}): Promise<Session> {
    const server = startChild<ServerApi>(new URL("server.ts", import.meta.url), SERVER_CORE);
    const load = startChild<LoadApi>(new URL("load.ts", import.meta.url), LOAD_CORE);
    try {
      const { port, cursor } = await server.remote.start(peer, stay);
      return new Session(server, load, port, cursor);
    } catch (error) {
      await Promise.all([server.stop(), load.stop()]);
      throw error;
    }
  }

  get server(): Remote<ServerApi> {
    return this.#server.remote;
  }

  get load(): Remote<LoadApi> {
    return this.#load.remote;
  }

  at(path: string): Target {
    return { port: this.#port, path };
  }

  /** The target of a client that comes back, and has missed all that is held. */
  back(path: string): Target {
    return { port: this.#port, path, lastEventId: this.#cursor };
  }

  /** @param collect whether memory is measured without its garbage; the CPU of that is nobody's */
  async spent(act: () => Promise<unknown>, collect: boolean = false): Promise<Spent> {
    const before = await this.server.usage(collect);
    const from = await this.#usages();
    const busyFrom = busy();
    await act();
    const to = await this.#usages();
    const busyFor = busy() - busyFrom;
    const after = await this.server.usage(collect);
    const cpu = to.server.cpu - from.server.cpu;
    const loadCpu = to.load.cpu - from.load.cpu;
    const time = to.load.at - from.load.at;
    return {
      cpu,
      load: loadCpu / time,
      others: Math.max(0, busyFor - cpu - loadCpu) / (time * availableParallelism()),
      before,
      after,
    };
  }

  async #usages(): Promise<{ server: Usage; load: Usage }> {
    const [server, load] = await Promise.all([this.server.usage(false), this.load.usage(false)]);
    return { server, load };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#server.stop(), this.#load.stop()]);
  }
}
