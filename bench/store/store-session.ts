import { startChild } from "../harness/child.ts";
import type { LoadApi } from "../harness/load-process.ts";
import type { RpcClient } from "../harness/rpc.ts";
import { startPostgres } from "./postgres.ts";
import { startRedis } from "./redis.ts";
import { createFile } from "./sqlite-file.ts";
import type { Place, Server } from "./stores.ts";

const SERVER_CORE = 0;
const LOAD_CORE = 1;

type StoreProcess = "append" | "follow" | "produce" | "push" | "web";

/** What keeps the data of a store. */
export interface StoreServer extends AsyncDisposable {
  readonly place: Place;
  /** CPU time of its own processes so far, in microseconds; 0 without one. */
  cpu(): number;
}

const START: Readonly<Record<Server, () => StoreServer | Promise<StoreServer>>> = {
  redis: startRedis,
  sqlite: createFile,
  postgres: startPostgres,
};

/** A fresh server or file and the processes of one measurement. All of them stop with the session. */
export class StoreSession implements AsyncDisposable {
  readonly server: StoreServer;
  readonly #children: { stop(): Promise<void> }[] = [];

  private constructor(server: StoreServer) {
    this.server = server;
  }

  static async open(server: Server): Promise<StoreSession> {
    return new StoreSession(await START[server]());
  }

  /** Starts a process that uses the store; those that only read run on the core of the load generator. */
  start<Api>(name: StoreProcess): RpcClient<Api> {
    return this.#start(
      new URL(`${name}-process.ts`, import.meta.url),
      name === "follow" ? LOAD_CORE : SERVER_CORE,
    );
  }

  startLoad(): RpcClient<LoadApi> {
    return this.#start(new URL("../harness/load-process.ts", import.meta.url), LOAD_CORE);
  }

  #start<Api>(file: URL, core: number): RpcClient<Api> {
    const child = startChild<Api>(file, core);
    this.#children.push(child);
    return child.rpc;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#children.map((child) => child.stop()));
    await this.server[Symbol.asyncDispose]();
  }
}
