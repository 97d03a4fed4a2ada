import { availableParallelism } from "node:os";
import { type Child, startChild } from "./child.ts";
import type { Target } from "./client.ts";
import type { LoadApi } from "./load-process.ts";
import { machineCpuTime } from "./machine-cpu.ts";
import type { ProcessUsage } from "./process-usage.ts";
import type { RpcClient } from "./rpc.ts";
import type { ServerApi, ServerOptions } from "./server-process.ts";
import { type Figures, LOAD_CPU, OTHER_CPU } from "./workload.ts";

const SERVER_CORE = 0;
const LOAD_CORE = 1;

/** What was used during an action. */
export interface UsageDelta {
  /** CPU time of the server, in microseconds. */
  readonly cpu: number;
  /** Share of its core that the load generator used. The server is the bottleneck only while this is well below 1. */
  readonly loadCpu: number;
  /** Share of the machine that other processes used. */
  readonly otherCpu: number;
  readonly before: ProcessUsage;
  readonly after: ProcessUsage;
}

/** Figures that show how reliable the other figures of a row are. */
export function reliabilityOf({ loadCpu, otherCpu }: UsageDelta): Figures {
  return { [LOAD_CPU]: loadCpu, [OTHER_CPU]: otherCpu };
}

/** The server of one peer and a load generator for it, each in a fresh process. */
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

  static async open(peer: string, options: ServerOptions = {}): Promise<Session> {
    const server = startChild<ServerApi>(new URL("server-process.ts", import.meta.url), SERVER_CORE);
    const load = startChild<LoadApi>(new URL("load-process.ts", import.meta.url), LOAD_CORE);
    try {
      const { port, cursor } = await server.rpc.start(peer, options);
      return new Session(server, load, port, cursor);
    } catch (error) {
      await Promise.all([server.stop(), load.stop()]);
      throw error;
    }
  }

  get server(): RpcClient<ServerApi> {
    return this.#server.rpc;
  }

  get load(): RpcClient<LoadApi> {
    return this.#load.rpc;
  }

  /** The target of a client that connects for the first time. */
  target(path: string): Target {
    return { port: this.#port, path };
  }

  /** The target of a client that reconnects and has missed the whole history. */
  resumeTarget(path: string): Target {
    return { port: this.#port, path, lastEventId: this.#cursor };
  }

  /** @param collectGarbage whether to collect garbage before memory is read; its CPU time is not counted */
  async usageDuring(act: () => Promise<unknown>, collectGarbage: boolean = false): Promise<UsageDelta> {
    const before = await this.server.usage(collectGarbage);
    const from = await this.#usages();
    const machineFrom = machineCpuTime();
    await act();
    const to = await this.#usages();
    const machineCpu = machineCpuTime() - machineFrom;
    const after = await this.server.usage(collectGarbage);
    const cpu = to.server.cpu - from.server.cpu;
    const loadCpu = to.load.cpu - from.load.cpu;
    const time = to.load.at - from.load.at;
    return {
      cpu,
      loadCpu: loadCpu / time,
      otherCpu: Math.max(0, machineCpu - cpu - loadCpu) / (time * availableParallelism()),
      before,
      after,
    };
  }

  async #usages(): Promise<{ server: ProcessUsage; load: ProcessUsage }> {
    const [server, load] = await Promise.all([this.server.usage(false), this.load.usage(false)]);
    return { server, load };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#server.stop(), this.#load.stop()]);
  }
}
